// See parallel.hpp. One mutex guards everything: tasks are matrix tiles, so that taking one is never the bottleneck.

#include "certify/numbers/parallel.hpp"

#include <mpfr.h>

#include <algorithm>

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
    wake_.wait(lock, [this] { return stop_ || open_group() != nullptr; });
    if (stop_) {
      mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE);  // what this thread's exponentials have kept; MPFR does not free it when a thread ends
      return;
    }
    take_tasks(*open_group(), lock);
  }
}

WorkerPool::Group* WorkerPool::open_group() {
  for (std::size_t k = groups_.size(); k-- > 0;) {
    if (groups_[k]->next < groups_[k]->count) {
      return groups_[k];
    }
  }
  return nullptr;
}

// A group lives until its caller has seen that nothing of it runs: `running` is counted down under the lock, and the group is not touched after that.
void WorkerPool::take_tasks(Group& group, std::unique_lock<std::mutex>& lock) {
  while (group.next < group.count) {
    const std::size_t index = group.next++;
    ++group.running;
    lock.unlock();
    std::exception_ptr failure;
    try {
      group.task(index);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure) {
      group.next = group.count;  // no further tasks are begun
      if (!group.failure) {
        group.failure = failure;
      }
    }
    if (--group.running == 0 && group.next >= group.count) {
      finished_.notify_all();
      return;
    }
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
  Group group{task, count, 0, 0, nullptr};
  std::unique_lock lock(mutex_);
  groups_.push_back(&group);
  wake_.notify_all();
  take_tasks(group, lock);
  finished_.wait(lock, [&group] { return group.running == 0 && group.next >= group.count; });
  std::erase(groups_, &group);
  if (group.failure) {
    std::rethrow_exception(group.failure);
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
