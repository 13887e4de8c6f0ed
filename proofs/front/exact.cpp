#include "proofs/front/exact.hpp"

#include <cmath>
#include <cstdint>

#include "formats/error.hpp"
#include "formats/hex_float.hpp"

namespace lipcert::proofs {

Fraction exact(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  Fraction f;
  f.num = static_cast<std::int64_t>(std::ldexp(mantissa, 53));
  exponent -= 53;
  if (exponent >= 0) {
    f.num <<= static_cast<unsigned>(exponent);
  } else {
    f.den <<= static_cast<unsigned>(-exponent);
  }
  return f;
}

Fraction parse_rigorous(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) {
    return exact(parse_hex_float(text));
  }
  const std::string num = text.substr(0, slash);
  const std::string den = text.substr(slash + 1);
  const auto digits = [](const std::string& s, std::size_t from) {
    return s.size() > from && s.size() < 20000 && s.find_first_not_of("0123456789", from) == std::string::npos && (s[from] != '0' || s.size() == from + 1);
  };
  const std::size_t sign = !num.empty() && num.front() == '-' ? 1 : 0;
  if (!digits(num, sign) || !digits(den, 0) || den == "0") {
    throw Error(ExitCode::rejected, "the certificate's number '" + text.substr(0, 60) + "' is not a fraction of decimal integers.");
  }
  return {Integer(num), Integer(den)};
}

Integer floor_scaled(const Fraction& f, int s) {
  Integer num = f.num;
  Integer den = f.den;
  if (s >= 0) {
    num <<= static_cast<unsigned>(s);
  } else {
    den <<= static_cast<unsigned>(-s);
  }
  Integer q = num / den;
  if (num < 0 && q * den != num) {
    --q;
  }
  return q;
}

double approximate(const Fraction& f) {
  if (f.num == 0) {
    return 0;
  }
  const int s = 64 - (static_cast<int>(msb(boost::multiprecision::abs(f.num))) - static_cast<int>(msb(f.den)));
  return std::ldexp(floor_scaled(f, s).convert_to<double>(), -s);
}

}  // namespace lipcert::proofs
