// Doubles as text, exactly: the hexadecimal form and the outward-rounded decimals of a rigorous number (formats/SPEC.md, section 2).
#pragma once

#include <string>

namespace lipcert {

/// C99 hexadecimal float in the canonical form of SPEC.md: `0x1.8p+1`, `-0x1p-3`, subnormals as `0x0.…p-1022`, both zeros as `0x0p+0`.
/// Throws `Error` (internal) for NaN and infinities: a claim is never one of them.
[[nodiscard]] std::string hex_float(double value);

/// The inverse, strict: accepts exactly the strings that `hex_float` writes; anything else throws `Error` (input).
[[nodiscard]] double parse_hex_float(const std::string& text);

/// Decimals of at most 17 significant digits, rounded towards +infinity (`decimal_up` >= value) or -infinity (`decimal_down` <= value),
/// exact where 17 digits suffice: `125.2481906478`, `-0.5`, `1e-300`, `0`. At most 40 characters. Throws `Error` (internal) when not
/// finite.
[[nodiscard]] std::string decimal_up(double value);
[[nodiscard]] std::string decimal_down(double value);

}  // namespace lipcert
