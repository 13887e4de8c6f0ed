#include "examples/trainer/workers.hpp"

namespace liptrain {

Workers::Workers(std::size_t threads) {
  for (std::size_t i = 1; i < threads; ++i) {
    threads_.emplace_back([this] { serve(); });
  }
}

Workers::~Workers() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) {
    thread.join();
  }
}

void Workers::run(std::size_t pieces, const std::function<void(std::size_t)>& work) {
  std::unique_lock<std::mutex> lock(mutex_);
  work_ = &work;
  pieces_ = pieces;
  next_ = finished_ = 0;
  failure_ = nullptr;
  wake_.notify_all();
  take(lock);
  done_.wait(lock, [this] { return finished_ == pieces_; });
  work_ = nullptr;
  pieces_ = next_ = 0;
  if (failure_) {
    std::rethrow_exception(failure_);
  }
}

void Workers::take(std::unique_lock<std::mutex>& lock) {
  while (next_ < pieces_) {
    const std::size_t piece = next_++;
    const auto* const work = work_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      (*work)(piece);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure) {
      failure_ = failure;
    }
    if (++finished_ == pieces_) {
      done_.notify_all();
    }
  }
}

void Workers::serve() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || next_ < pieces_; });
    if (stop_) {
      return;
    }
    take(lock);
  }
}

}  // namespace liptrain
