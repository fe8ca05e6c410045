// Reads the same files of many directories of one root in one go, for what costs more to be asked for file by file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace kernscope {

class ProcReader {
 public:
  struct File {
    std::string name;
    // Bytes of it at most.
    uint32_t limit;
  };

  ProcReader(std::string root, std::vector<File> files) : root_(std::move(root)), files_(std::move(files)) {}

  // Reads the files of root/NUMBER for each of `numbers`, in order, one behind the other into `to`. `lengths` gets one
  // length for each file, or what failed as a negative errno. A directory is opened once and its files through that, so
  // that all are of one task; a name that comes again is read through the same open file. Stops before the directory that
  // might not find room; returns how many it read.
  size_t read(const int32_t* numbers, size_t count, uint8_t* to, size_t size, int32_t* lengths) const;

  // Reads one file, at a path of its own, likewise.
  static int32_t read_file(const char* path, uint8_t* to, size_t size);

  // What one directory can take at most.
  size_t most() const;
  size_t files() const { return files_.size(); }

 private:
  void read_one(int directory, uint8_t*& to, int32_t* lengths) const;

  std::string root_;
  std::vector<File> files_;
};

}  // namespace kernscope
