// A small pool of our own threads, and BLAS kept single-threaded below it.
//
// BLAS libraries divide work by the number of threads they have, and another division means other roundings. Here the tasks are fixed by the
// sizes of the matrices alone and each writes its own place, so that results are the same to the last bit for any number of threads.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace lipcert {

class WorkerPool {
 public:
  /// `threads` in all, the caller included; 0: one per core. Makes BLAS single-threaded for the whole process, and checks in every thread that
  /// it computes as bounds need (rounding.hpp); throws `Error` (internal) where it does not.
  explicit WorkerPool(unsigned threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  [[nodiscard]] unsigned threads() const { return static_cast<unsigned>(workers_.size()) + 1; }

  /// Runs task(0), ..., task(count - 1), in any order and on any thread, and returns when all are done. Tasks may call for_each: whoever waits
  /// for a group of tasks works on that group only, and idle threads take tasks of the group that was begun last. The first exception is thrown
  /// again here, after the other running tasks have ended.
  void for_each(std::size_t count, const std::function<void(std::size_t)>& task);

 private:
  /// The tasks of one call of for_each.
  struct Group {
    const std::function<void(std::size_t)>& task;
    std::size_t count = 0;
    std::size_t next = 0;
    std::size_t running = 0;
    std::exception_ptr failure;
  };
  void work();
  void take_tasks(Group& group, std::unique_lock<std::mutex>& lock);
  [[nodiscard]] Group* open_group();

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::vector<Group*> groups_;  // begun and not finished, on the stacks of those who called
  std::size_t starting_ = 0;
  bool stop_ = false;
  std::exception_ptr failure_;  // of a thread that cannot be used
};

/// The same, with threads only where the work (in flops) outweighs waking them.
void for_each(WorkerPool& pool, std::size_t count, double flops, const std::function<void(std::size_t)>& task);

}  // namespace lipcert
