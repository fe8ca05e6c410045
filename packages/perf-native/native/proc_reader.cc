#include "proc_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "perf_event.h"

namespace kernscope {
namespace {

// Reads up to `limit` bytes from the start; a length or a negative errno. What proc(5) says of a task comes in one piece.
int32_t read_start(int fd, uint8_t* to, size_t limit) {
  ssize_t got;
  do got = pread(fd, to, limit, 0);
  while (got < 0 && errno == EINTR);
  return static_cast<int32_t>(got < 0 ? -errno : got);
}

}  // namespace

int32_t ProcReader::read_file(const char* path, uint8_t* to, size_t size) {
  const FileDescriptor file(open(path, O_RDONLY | O_CLOEXEC));
  return file.get() < 0 ? -errno : read_start(file.get(), to, size);
}

size_t ProcReader::most() const {
  size_t most = 0;
  for (const File& file : files_) most += file.limit;
  return most;
}

size_t ProcReader::read(const int32_t* numbers, size_t count, uint8_t* to, size_t size, int32_t* lengths) const {
  const FileDescriptor root(open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const uint8_t* end = to + size;
  size_t done = 0;
  for (; done < count && static_cast<size_t>(end - to) >= most(); ++done, lengths += files_.size()) {
    char name[16];
    std::snprintf(name, sizeof name, "%d", numbers[done]);
    const FileDescriptor directory(openat(root.get(), name, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0) std::fill_n(lengths, files_.size(), -errno);
    else read_one(directory.get(), to, lengths);
  }
  return done;
}

void ProcReader::read_one(int directory, uint8_t*& to, int32_t* lengths) const {
  std::vector<FileDescriptor> opened;
  opened.reserve(files_.size());
  for (size_t i = 0; i < files_.size(); ++i) {
    size_t same = 0;
    while (files_[same].name != files_[i].name) ++same;
    const bool again = same < i;
    opened.emplace_back(again ? -1 : openat(directory, files_[i].name.c_str(), O_RDONLY | O_CLOEXEC));
    const int error = errno;
    const int fd = opened[same].get();
    lengths[i] = fd < 0 ? (again ? lengths[same] : -error) : read_start(fd, to, files_[i].limit);
    if (lengths[i] > 0) to += lengths[i];
  }
}

}  // namespace kernscope
