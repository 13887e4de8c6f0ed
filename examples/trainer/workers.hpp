// Threads that share out numbered pieces of work. Which thread does which piece never shows in a result: every piece has its own place to
// write to, and sums over pieces are formed afterwards in the order of their numbers.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace liptrain {

class Workers {
 public:
  explicit Workers(std::size_t threads);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers();

  /// Calls work(0) ... work(pieces - 1), each once, and returns when all are done; rethrows one of their exceptions.
  void run(std::size_t pieces, const std::function<void(std::size_t)>& work);
  [[nodiscard]] std::size_t threads() const { return threads_.size() + 1; }

 private:
  void serve();
  void take(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  std::size_t pieces_ = 0;
  std::size_t next_ = 0;
  std::size_t finished_ = 0;
  std::exception_ptr failure_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace liptrain
