// A folder of PNG images (libpng), one sub-folder per class or none. Pixels are decoded to 8 bits without any change of colour: gamma,
// profiles and the like are ignored; what cannot be read that way (16 bits, alpha) is refused instead of being converted.
#include <dirent.h>
#include <png.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csetjmp>
#include <cstring>
#include <system_error>

#include "formats/data/readers.hpp"
#include "formats/data/sha256.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {

namespace {

// Those of lipverify: what is certified can be checked again.
constexpr std::uint64_t largest_file = std::uint64_t{1} << 26;
constexpr png_uint_32 longest_side = 16384;

struct Image {
  SampleShape shape;
  std::vector<std::uint8_t> pixels;  // row, column, channel
  std::string problem;               // empty: decoded
};

struct Memory {
  const std::string* bytes = nullptr;
  std::size_t at = 0;
};

void read_from_memory(png_structp png, png_bytep to, png_size_t count) {
  auto& memory = *static_cast<Memory*>(png_get_io_ptr(png));
  if (count > memory.bytes->size() - memory.at) png_error(png, "it is cut off");
  std::memcpy(to, memory.bytes->data() + memory.at, count);
  memory.at += count;
}

struct Failure {
  std::jmp_buf jump;
  char text[80] = {};
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  auto* failure = static_cast<Failure*>(png_get_error_ptr(png));
  std::strncpy(failure->text, text, sizeof(failure->text) - 1);
  std::longjmp(failure->jump, 1);
}
void on_warning(png_structp /*png*/, png_const_charp /*text*/) {}

/// Everything with a destructor lives in the caller: libpng leaves by longjmp.
bool decode_header(png_structp png, png_infop info, Image& image, Failure& failure) {
  if (setjmp(failure.jump) != 0) return false;  // NOLINT
  png_set_user_limits(png, 65536, 65536);  // libpng's words for more are no help
  png_set_chunk_malloc_max(png, 1 << 24);
  png_read_info(png, info);
  const png_uint_32 width = png_get_image_width(png, info);
  const png_uint_32 height = png_get_image_height(png, info);
  const int depth = png_get_bit_depth(png, info);
  const int colour = png_get_color_type(png, info);
  if (png_get_valid(png, info, PNG_INFO_tRNS) != 0 || (colour & PNG_COLOR_MASK_ALPHA) != 0) png_error(png, "it has transparency");
  if (depth == 16) png_error(png, "it has 16 bits per channel");
  if (width > longest_side || height > longest_side) png_error(png, "it has a side of more than 16384 pixels");
  if (std::uint64_t{width} * height > largest_sample / 3) png_error(png, "it has too many pixels");
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (colour == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  (void)png_set_interlace_handling(png);
  png_read_update_info(png, info);
  image.shape = {png_get_channels(png, info), height, width, true};
  if (png_get_rowbytes(png, info) != image.shape.channels * width) png_error(png, "its rows have an unexpected size");
  return true;
}

bool decode_pixels(png_structp png, png_bytepp rows, Failure& failure) {
  if (setjmp(failure.jump) != 0) return false;  // NOLINT
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  return true;
}

Image decode(const std::string& bytes) {
  Image image;
  Failure failure;
  Memory memory{&bytes, 0};
  if (bytes.size() < 8 || png_sig_cmp(reinterpret_cast<png_const_bytep>(bytes.data()), 0, 8) != 0) {
    image.problem = "it is not a PNG file";
    return image;
  }
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  if (info == nullptr) {
    png_destroy_read_struct(&png, nullptr, nullptr);
    throw Error(ExitCode::internal, "libpng cannot start; check its installation.");
  }
  png_set_read_fn(png, &memory, read_from_memory);
  bool decoded = decode_header(png, info, image, failure);
  if (decoded) {
    const std::size_t width = image.shape.channels * image.shape.columns;
    std::vector<png_bytep> rows;
    try {
      image.pixels.resize(width * image.shape.rows);
      for (std::size_t r = 0; r < image.shape.rows; ++r) rows.push_back(image.pixels.data() + r * width);
    } catch (...) {
      png_destroy_read_struct(&png, &info, nullptr);
      throw;
    }
    decoded = decode_pixels(png, rows.data(), failure);
  }
  png_destroy_read_struct(&png, &info, nullptr);
  if (!decoded) {
    image.problem = failure.text;
    for (char& c : image.problem) {
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
    }
  }
  return image;
}

struct Entry {
  std::string name;
  bool folder = false;
};

std::vector<Entry> list(const std::string& path) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) throw input_error(path + ": cannot be opened (" + std::generic_category().message(errno) + ").");
  std::vector<Entry> entries;
  std::string wrong;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string name = entry->d_name;
    if (name[0] == '.') continue;
    struct stat status {};
    const bool known = ::lstat((path + "/" + name).c_str(), &status) == 0;
    if (!known || (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) || name.find('\n') != std::string::npos) {
      wrong = name;
      break;
    }
    entries.push_back({name, S_ISDIR(status.st_mode)});
  }
  ::closedir(folder);
  if (!wrong.empty())
    throw input_error(path + ": '" + wrong.substr(0, wrong.find('\n')) +
                      "' is neither a regular file nor a folder; keep only images and folders of images there.");
  return entries;
}

bool is_png_name(const std::string& name) {
  return name.size() > 4 && name.compare(name.size() - 4, 4, ".png") == 0;
}

class PngReader final : public SampleReader::Format {
 public:
  explicit PngReader(const std::string& path) : path_(path) {
    while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
    const auto refuse = [&](const std::string& name) {
      throw input_error(path_ + ": '" + name +
                        "' is not a PNG image (*.png); keep only images there, either directly or in one sub-folder per class.");
    };
    std::vector<Entry> entries = list(path_);
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
    std::int64_t position = 0;
    bool files = false;
    for (const Entry& entry : entries) {
      if (!entry.folder) {
        if (!is_png_name(entry.name)) refuse(entry.name);
        files = true;
        images_.push_back({entry.name, -1});
        continue;
      }
      labelled_ = true;
      const std::vector<Entry> inside = list(path_ + "/" + entry.name);
      if (inside.empty())
        throw input_error(path_ + ": the sub-folder '" + entry.name + "' has no image; remove it, or put the images of its class there.");
      for (const Entry& inner : inside) {
        if (inner.folder || !is_png_name(inner.name)) refuse(entry.name + "/" + inner.name);
        images_.push_back({entry.name + "/" + inner.name, position});
      }
      ++position;
    }
    if (files && labelled_)
      throw input_error(path_ + ": has images beside sub-folders; put all images into sub-folders, one per class, or none.");
    std::sort(images_.begin(), images_.end(), [](const Named& a, const Named& b) { return a.name < b.name; });
  }

  bool next(Sample& sample) override { return take(sample, true); }
  bool skip_one(Sample& scratch) override { return take(scratch, false); }
  [[nodiscard]] SampleShape shape() const override { return shape_; }
  [[nodiscard]] std::vector<DataFile> files() override { return {{"folder", file_name_of(path_), bytes_, to_hex(digest_.finish())}}; }
  [[nodiscard]] bool labelled() const override { return labelled_; }

 private:
  struct Named {
    std::string name;
    std::int64_t label;
  };

  bool take(Sample& sample, bool wanted) {
    if (taken_ == images_.size()) return false;
    const Named& named = images_[taken_];
    const std::string bytes = read_file(path_ + "/" + named.name, largest_file);
    const std::string line = sha256_hex(bytes) + "  " + named.name + "\n";
    digest_.add(line.data(), line.size());
    bytes_ += bytes.size();
    // The first image gives the shape, also of a folder that is only scanned.
    if (wanted || taken_ == 0) {
      Image image = decode(bytes);
      if (!image.problem.empty())
        throw input_error(path_ + "/" + named.name + ": cannot be used, " + image.problem +
                          "; convert it to 8 bits without transparency, or remove it.");
      if (taken_ == 0) shape_ = image.shape;
      if (!(shape_ == image.shape))
        throw input_error(path_ + "/" + named.name + ": has " + text(image.shape) + ", the first image has " + text(shape_) +
                          "; all images must be alike.");
      sample.reals.clear();
      sample.decimals.clear();
      sample.pixels.resize(image.pixels.size());
      const std::size_t channels = shape_.channels;
      const std::size_t area = shape_.rows * shape_.columns;
      for (std::size_t i = 0; i < area; ++i) {
        for (std::size_t c = 0; c < channels; ++c) sample.pixels[c * area + i] = image.pixels[i * channels + c];
      }
    }
    if (labelled_) sample.label = named.label;
    ++taken_;
    return true;
  }

  static std::string text(const SampleShape& shape) {
    return std::to_string(shape.columns) + " x " + std::to_string(shape.rows) + " pixels of " + std::to_string(shape.channels) +
           (shape.channels == 1 ? " channel" : " channels");
  }

  std::string path_;
  std::vector<Named> images_;
  std::size_t taken_ = 0;
  bool labelled_ = false;
  SampleShape shape_;
  std::uint64_t bytes_ = 0;
  Sha256 digest_;
};

}  // namespace

std::unique_ptr<SampleReader::Format> read_png_folder(const std::string& path) {
  return std::make_unique<PngReader>(path);
}

}  // namespace lipcert
