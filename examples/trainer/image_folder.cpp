// A folder with one sub-folder per class of JPEG (libjpeg-turbo) and PNG (libpng) images, resampled to one size by averaging areas.
// Decoding JPEG is not the same in every program: to certify radii on such images, write the pixels to a file first (`liptrain pack`).
#include <dirent.h>
#include <png.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <csetjmp>
#include <cstdio>
#include <cstring>
// jpeglib.h needs <cstdio> before it
#include <jpeglib.h>

#include "examples/trainer/data.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace liptrain {
namespace {

constexpr std::uint64_t largest_file = std::uint64_t{1} << 28;
constexpr Index largest_side = 1 << 14;

struct Picture {
  Index rows = 0, columns = 0, channels = 0;
  std::vector<std::uint8_t> pixels;  // row, column, channel
};

bool ends_with(std::string text, const std::string& end) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}
bool is_jpeg(const std::string& name) {
  return ends_with(name, ".jpg") || ends_with(name, ".jpeg");
}

std::vector<std::string> names_in(const std::string& folder) {
  DIR* const handle = ::opendir(folder.c_str());
  if (handle == nullptr) {
    throw lipcert::input_error(folder + ": the folder cannot be read; check its name and permissions.");
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(handle)) {
    if (entry->d_name[0] != '.') {
      names.emplace_back(entry->d_name);
    }
  }
  ::closedir(handle);
  std::sort(names.begin(), names.end());
  return names;
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

lipcert::Error unreadable(const std::string& path, const std::string& what) {
  return lipcert::input_error(path + ": " + what + "; take the image out of the folder or save it again.");
}

struct JpegFailure {
  jpeg_error_mgr manager;  // first: libjpeg hands out a pointer to it
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

extern "C" {
void liptrain_jpeg_error(j_common_ptr common) {
  auto* const failure = reinterpret_cast<JpegFailure*>(common->err);
  failure->manager.format_message(common, failure->message);
  std::longjmp(failure->back, 1);
}
void liptrain_jpeg_message(j_common_ptr) {}
}

/// No object with a destructor lives in the frames that longjmp leaves: the pixels belong to the caller.
bool decode_jpeg(const std::string& bytes, Picture& picture, std::string& problem) {
  jpeg_decompress_struct decoder{};
  JpegFailure failure{};
  decoder.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = liptrain_jpeg_error;
  failure.manager.output_message = liptrain_jpeg_message;
  if (setjmp(failure.back) != 0) {
    jpeg_destroy_decompress(&decoder);
    problem = failure.message;
    return false;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&decoder, TRUE);
  decoder.out_color_space = decoder.jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
  decoder.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&decoder);
  picture.rows = static_cast<Index>(decoder.output_height);
  picture.columns = static_cast<Index>(decoder.output_width);
  picture.channels = static_cast<Index>(decoder.output_components);
  if (picture.rows > largest_side || picture.columns > largest_side) {
    jpeg_destroy_decompress(&decoder);
    problem = "it is larger than 16384 pixels in one direction";
    return false;
  }
  picture.pixels.resize(static_cast<std::size_t>(picture.rows * picture.columns * picture.channels));
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = picture.pixels.data() +
                   static_cast<std::size_t>(decoder.output_scanline) * static_cast<std::size_t>(picture.columns * picture.channels);
    jpeg_read_scanlines(&decoder, &row, 1);
  }
  // Cut-off files are filled up with grey and only warned about.
  const bool warned = failure.manager.num_warnings > 0;
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  if (warned) {
    problem = "its data is damaged or cut off";
  }
  return !warned;
}

bool decode_png(const std::string& bytes, Picture& picture, std::string& problem) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
    problem = image.message;
    return false;
  }
  const bool colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  image.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  picture.rows = static_cast<Index>(image.height);
  picture.columns = static_cast<Index>(image.width);
  picture.channels = colour ? 3 : 1;
  if (picture.rows > largest_side || picture.columns > largest_side) {
    png_image_free(&image);
    problem = "it is larger than 16384 pixels in one direction";
    return false;
  }
  picture.pixels.resize(PNG_IMAGE_SIZE(image));
  const png_color black = {0, 0, 0};  // behind transparent pixels
  if (png_image_finish_read(&image, &black, picture.pixels.data(), 0, nullptr) == 0) {
    problem = image.message;
    return false;
  }
  return true;
}

/// Averages of the areas that the new pixels cover.
Picture resampled(const Picture& from, Index size) {
  Picture to;
  to.rows = to.columns = size;
  to.channels = from.channels;
  to.pixels.resize(static_cast<std::size_t>(size * size * from.channels));
  const double down = static_cast<double>(from.rows) / static_cast<double>(size),
               across = static_cast<double>(from.columns) / static_cast<double>(size);
  for (Index i = 0; i < size; ++i) {
    for (Index j = 0; j < size; ++j) {
      const double top = static_cast<double>(i) * down, bottom = top + down, left = static_cast<double>(j) * across, right = left + across;
      for (Index c = 0; c < from.channels; ++c) {
        double sum = 0, area = 0;
        for (auto y = static_cast<Index>(top); y < from.rows && static_cast<double>(y) < bottom; ++y) {
          const double height = std::min(bottom, static_cast<double>(y + 1)) - std::max(top, static_cast<double>(y));
          for (auto x = static_cast<Index>(left); x < from.columns && static_cast<double>(x) < right; ++x) {
            const double part = height * (std::min(right, static_cast<double>(x + 1)) - std::max(left, static_cast<double>(x)));
            sum += part * from.pixels[static_cast<std::size_t>((y * from.columns + x) * from.channels + c)];
            area += part;
          }
        }
        to.pixels[static_cast<std::size_t>((i * size + j) * from.channels + c)] = static_cast<std::uint8_t>(sum / area + 0.5);
      }
    }
  }
  return to;
}

}  // namespace

bool has_jpeg(const std::string& folder) {
  if (!is_folder(folder)) {
    return false;
  }
  for (const auto& name : names_in(folder)) {
    const std::string path = folder + "/" + name;
    if (is_jpeg(name)) {
      return true;
    }
    if (is_folder(path)) {
      const auto inside = names_in(path);
      if (std::any_of(inside.begin(), inside.end(), is_jpeg)) {
        return true;
      }
    }
  }
  return false;
}

ImageFolder read_image_folder(const std::string& folder, Index size) {
  ImageFolder result;
  std::string lines;
  for (const auto& name : names_in(folder)) {
    if (!is_folder(folder + "/" + name)) {
      throw lipcert::input_error(folder + "/" + name +
                                 ": it lies beside the sub-folders of the classes; move it into one of them or away.");
    }
    result.classes.push_back(name);
  }
  if (result.classes.empty()) {
    throw lipcert::input_error(folder + ": it has no sub-folders; put the images of each class into a sub-folder.");
  }
  for (std::size_t label = 0; label < result.classes.size(); ++label) {
    const std::string inside = folder + "/" + result.classes[label];
    for (const auto& name : names_in(inside)) {
      const std::string path = inside + "/" + name;
      if (!is_jpeg(name) && !ends_with(name, ".png")) {
        throw unreadable(path, "it is neither *.jpg, *.jpeg nor *.png");
      }
      const std::string bytes = lipcert::read_file(path, largest_file);
      Picture picture;
      std::string problem;
      if (!(is_jpeg(name) ? decode_jpeg(bytes, picture, problem) : decode_png(bytes, picture, problem))) {
        throw unreadable(path, "it cannot be decoded (" + problem + ")");
      }
      if (size > 0 && (picture.rows != size || picture.columns != size)) {
        picture = resampled(picture, size);
      }
      const Shape shape{picture.channels, picture.rows, picture.columns, true};
      if (result.labels.empty()) {
        result.shape = shape;
      } else if (shape != result.shape) {
        throw lipcert::input_error(path + ": it is " + shape.text() + " where the first image is " + result.shape.text() +
                                   "; give --image-size to bring all to one size (grey and colour cannot be mixed).");
      }
      for (Index c = 0; c < shape.channels; ++c) {
        for (Index p = 0; p < shape.area(); ++p) {
          result.pixels.push_back(picture.pixels[static_cast<std::size_t>(p * shape.channels + c)]);
        }
      }
      result.labels.push_back(static_cast<int>(label));
      result.file.bytes += bytes.size();
      lines += lipcert::sha256_hex(bytes) + "  " + result.classes[label] + "/" + name + "\n";
    }
  }
  if (result.labels.empty()) {
    throw lipcert::input_error(folder + ": it holds no image; put *.jpg or *.png files into its sub-folders.");
  }
  result.file.role = "folder";
  result.file.name = lipcert::file_name_of(folder);
  result.file.sha256 = lipcert::sha256_hex(lines);
  return result;
}

}  // namespace liptrain
