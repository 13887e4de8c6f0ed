// See parallel.hpp. One mutex guards everything: tasks are matrix tiles, so that taking one is never the bottleneck.

#include "certify/numbers/parallel.hpp"

#include <mpfr.h>

#include <algorithm>
#include <utility>

#include "certify/numbers/rounding.hpp"

extern "C" void openblas_set_num_threads(int threads);

namespace lipcert {

WorkerPool::WorkerPool(unsigned threads) {
  static std::once_flag once;
  std::call_once(once, [] { openblas_set_num_threads(1); });
  require_sound_floating_point();
  if (threads == 0) {
    threads = std::max(1U, std::thread::hardware_concurrency());
  }
  std::unique_lock lock(mutex_);
  starting_ = threads - 1;
  for (unsigned i = 1; i < threads; ++i) {
    workers_.emplace_back([this] { work(); });
  }
  finished_.wait(lock, [this] { return starting_ == 0; });
  if (failure_) {
    stop_ = true;
    wake_.notify_all();
    lock.unlock();
    for (std::thread& worker : workers_) {
      worker.join();
    }
    workers_.clear();
    std::rethrow_exception(failure_);
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::unique_lock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) {
    worker.join();
  }
}

void WorkerPool::work() {
  std::exception_ptr unsound;
  try {
    require_sound_floating_point();
  } catch (...) {
    unsound = std::current_exception();
  }
  std::unique_lock lock(mutex_);
  if (unsound && !failure_) {
    failure_ = unsound;
  }
  --starting_;
  finished_.notify_all();
  while (true) {
    wake_.wait(lock, [this] { return stop_ || (task_ != nullptr && next_ < count_); });
    if (stop_) {
      mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE);  // what this thread's exponentials have kept; MPFR does not free it when a thread ends
      return;
    }
    take_tasks(lock);
  }
}

void WorkerPool::take_tasks(std::unique_lock<std::mutex>& lock) {
  while (task_ != nullptr && next_ < count_) {
    const std::size_t index = next_++;
    const std::function<void(std::size_t)>& task = *task_;
    ++running_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      task(index);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    --running_;
    if (failure) {
      next_ = count_;  // no further tasks are begun
      if (!failure_) {
        failure_ = failure;
      }
    }
  }
  if (running_ == 0) {
    finished_.notify_all();
  }
}

void WorkerPool::for_each(std::size_t count, const std::function<void(std::size_t)>& task) {
  if (count == 0) {
    return;
  }
  if (count == 1 || workers_.empty()) {
    for (std::size_t i = 0; i < count; ++i) {
      task(i);
    }
    return;
  }
  std::unique_lock lock(mutex_);
  task_ = &task;
  next_ = 0;
  count_ = count;
  failure_ = nullptr;
  wake_.notify_all();
  take_tasks(lock);
  finished_.wait(lock, [this] { return running_ == 0 && next_ >= count_; });
  task_ = nullptr;
  if (failure_) {
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

void for_each(WorkerPool& pool, std::size_t count, double flops, const std::function<void(std::size_t)>& task) {
  if (flops < 4e6) {
    for (std::size_t i = 0; i < count; ++i) {
      task(i);
    }
  } else {
    pool.for_each(count, task);
  }
}

}  // namespace lipcert
