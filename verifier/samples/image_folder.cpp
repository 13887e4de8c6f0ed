// Folders of PNG images (see data_formats.hpp).
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "verifier/base/bytes.hpp"
#include "verifier/samples/data_formats.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kMaxImage = std::uint64_t{1} << 26;  // bytes of a PNG file

/// Names in a folder, sorted bytewise, without those that start with a dot.
std::vector<std::string> names_in(const std::string& folder) {
  struct Folder {
    DIR* handle;
    ~Folder() {
      if (handle != nullptr) ::closedir(handle);
    }
  };
  const Folder opened{::opendir(folder.c_str())};
  if (opened.handle == nullptr)
    unreadable("cannot open the folder '" + printable(folder) + "': " + std::strerror(errno) + "; check the path and its permissions");
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(opened.handle)) {
    const std::string name = static_cast<const char*>(entry->d_name);
    if (name[0] != '.') names.push_back(name);
  }
  if (errno != 0) unreadable("cannot read the folder '" + printable(folder) + "': " + std::strerror(errno));
  std::sort(names.begin(), names.end());
  return names;
}

/// Images of a folder: names `a.png` or `sub-folder/a.png`, sorted bytewise, with the position of the sub-folder.
struct FolderImage {
  std::string name;
  std::int64_t label = 0;
};
struct FolderList {
  bool sub_folders = false;
  std::vector<FolderImage> images;
};

FolderList list_images(const std::string& folder) {
  FolderList list;
  std::vector<std::string> sub_folders;
  const auto add = [&](const std::string& name, std::int64_t label) {
    struct stat status {};
    const std::string path = folder + "/" + name;
    const bool regular = ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
    if (!regular || name.size() < 5 || name.substr(name.size() - 4) != ".png" || name.find('\n') != std::string::npos)
      unreadable("'" + printable(path) +
                 "' is not a file with a name in .png; a data folder holds PNG images, or sub-folders of PNG images, and nothing else");
    list.images.push_back({name, label});
  };
  for (const std::string& name : names_in(folder)) {
    struct stat status {};
    if (::stat((folder + "/" + name).c_str(), &status) == 0 && S_ISDIR(status.st_mode))
      sub_folders.push_back(name);
    else
      add(name, 0);
  }
  list.sub_folders = !sub_folders.empty();
  if (list.sub_folders && !list.images.empty())
    unreadable("the folder '" + printable(folder) + "' holds images beside sub-folders; put every image into the sub-folder of its class");
  std::int64_t label = 0;
  for (const std::string& sub_folder : sub_folders) {
    const std::vector<std::string> names = names_in(folder + "/" + sub_folder);
    if (names.empty()) unreadable("the sub-folder '" + printable(sub_folder) + "' holds no images; remove it");
    for (const std::string& name : names) add(sub_folder + "/" + name, label);
    ++label;
  }
  if (list.images.empty()) unreadable("the folder '" + printable(folder) + "' holds no PNG images");
  std::sort(list.images.begin(), list.images.end(), [](const FolderImage& a, const FolderImage& b) { return a.name < b.name; });
  return list;
}

/// Digest of a folder: lines of digests and names in the order of the names.
class FolderDigest {
 public:
  void add(const std::string& name, const std::string& bytes) {
    total_ += bytes.size();
    hash_.update(sha256_hex(bytes) + "  " + name + "\n");
  }
  DataFile file() { return {"folder", total_, hash_.hex_digest()}; }

 private:
  Sha256 hash_;
  std::uint64_t total_ = 0;
};

class PngFolder final : public DataSet {
 public:
  explicit PngFolder(const DataSource& source) : folder_(source.path), list_(list_images(source.path)) {
    if (source.labels) unreadable("a folder of images takes its labels from its sub-folders; leave the label file out");
    labelled_ = list_.sub_folders;
    shape_ = decode(0, false).shape;
  }

  bool next(Sample& sample) override {
    if (count_ == list_.images.size()) return false;
    Image image = decode(count_, true);
    if (image.shape != shape_) {
      const std::string name = printable(list_.images[count_].name);
      unreadable("'" + name + "' has another size or number of channels than the images before it");
    }
    sample.pixels = std::move(image.pixels);
    sample.numbers.clear();
    sample.label.reset();
    if (labelled_) sample.label = list_.images[count_].label;
    ++count_;
    return true;
  }

  std::vector<DataFile> files() override { return {digest_.file()}; }

 private:
  Image decode(std::size_t index, bool digest) {
    const std::string& name = list_.images[index].name;
    const std::string bytes = read_file(folder_ + "/" + name, kMaxImage, "image");
    if (digest) digest_.add(name, bytes);
    return decode_png(bytes, "image '" + printable(name) + "'");
  }

  std::string folder_;
  FolderList list_;
  FolderDigest digest_;
};

}  // namespace

std::unique_ptr<DataSet> open_image_folder(const DataSource& source) { return std::make_unique<PngFolder>(source); }

DataFile digest_folder(const std::string& folder) {
  FolderDigest digest;
  for (const FolderImage& image : list_images(folder).images) digest.add(image.name, read_file(folder + "/" + image.name, kMaxImage, "image"));
  return digest.file();
}

}  // namespace lipverify
