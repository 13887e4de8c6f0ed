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

  /// Runs task(0), ..., task(count - 1), in any order and on any thread, and returns when all are done. Tasks must not call for_each. The first
  /// exception is thrown again here, after the other running tasks have ended.
  void for_each(std::size_t count, const std::function<void(std::size_t)>& task);

 private:
  void work();
  void take_tasks(std::unique_lock<std::mutex>& lock);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  const std::function<void(std::size_t)>* task_ = nullptr;
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  std::size_t running_ = 0;
  std::size_t starting_ = 0;
  bool stop_ = false;
  std::exception_ptr failure_;
};

/// The same, with threads only where the work (in flops) outweighs waking them.
void for_each(WorkerPool& pool, std::size_t count, double flops, const std::function<void(std::size_t)>& task);

}  // namespace lipcert
