// The part of the reader that its native thread runs, and what other threads say to it.
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "reader.h"

namespace kernscope {
namespace {

// A slow stream starts again at the front of the span memory after so many bytes.
constexpr uint64_t kRewindAfter = 256 * 1024;
// How long after the slack a record is looked for again, so that it is surely behind the horizon.
constexpr uint64_t kSettleNanos = 20'000;
// How full a ring may get before it is emptied: what is left is for what comes while the reader waits for a processor.
constexpr double kFullEnough = 1.0 / 8;
// How often records are handed out for urgent ones at most, where few come: what a consumer does for each hand-out would
// else cost more than what it does for the records.
constexpr uint64_t kUrgentPauseNanos = 2'000'000;

}  // namespace

std::optional<SystemError> Reader::start() {
  std::lock_guard lock(changes_mutex_);
  if (running_ || stopping_) return std::nullopt;
  auto failed = start_thread(thread_, "kernscope-ring", [this] { run(); });
  running_ = !failed;
  return failed;
}

void Reader::stop() {
  std::lock_guard lock(stop_mutex_);
  stopping_ = true;
  signal();
  if (thread_.joinable()) thread_.join();
}

void Reader::run() {
  uint64_t before = clock_nanos(config_.clock_id);
  uint64_t flowed = before;
  while (!stopping_) {
    apply_changes();
    spans_.rewind(kRewindAfter);
    const uint64_t read_before = spans_.read_position();
    // The clock comes first: see Merge::drain.
    const uint64_t now = clock_nanos(config_.clock_id);
    const Merge::Result result = merge_.drain(now - config_.slack_nanos);
    horizon_.store(merge_.released(), std::memory_order_release);
    if (merge_.released() >= retired_from_.load(std::memory_order_relaxed)) {
      retired_from_ = ~uint64_t{0};
      settled_();
    }

    uint64_t requested = requested_.load();
    bool answered = false;
    if (requested != 0 && merge_.released() >= requested) answered = requested_.compare_exchange_strong(requested, 0);
    if (merge_.copied() != 0 || answered) wake_consumer();
    if (merge_.copied() != 0 || result != Merge::Result::kDone) flowed = now;

    const uint64_t settle = config_.slack_nanos + kSettleNanos;
    const bool many = merge_.copied() >= Ticks::kMany;
    const uint64_t usual = config_.ticks.usual(merge_.copied(), now - before);
    const uint64_t tick = std::max(usual, config_.ticks.resting(now - flowed));
    // When the fullest ring will be as full as it should get, if it goes on like this.
    const double filled = static_cast<double>(now - before) * kFullEnough / std::max(merge_.fullness(), 1e-9);
    before = now;
    if (result == Merge::Result::kFull) {
      stalled_ = true;
      std::atomic_thread_fence(std::memory_order_seq_cst);
      if (spans_.read_position() == read_before) wait(tick);
      stalled_ = false;
    } else if (requested_.load() != 0) {
      wait(settle);
    } else if (urgent_ == 0 && filled < static_cast<double>(tick)) {
      // So much comes that the rings' own wake-ups, one from each, would be more than are needed.
      wait(static_cast<uint64_t>(filled), false);
    } else if ((stacks_done_.exchange(false) || (wait(tick) | stacks_done_.exchange(false))) && urgent_ != 0) {
      // Lets an urgent record get older than the horizon, then takes it in one go.
      // Where many come it waits longer, unless a ring would get too full.
      const uint64_t room = many ? static_cast<uint64_t>(std::min(filled, 1e9)) : 0;
      const uint64_t due = flowed + std::min(usual, std::max(room, kUrgentPauseNanos));
      const uint64_t asked = clock_nanos(config_.clock_id);
      hold(std::max(settle, due > asked ? due - asked : 0));
    }
  }
  std::lock_guard lock(changes_mutex_);
  for (auto& change : changes_) change();
  changes_.clear();
  running_ = false;
  changes_applied_.notify_all();
}

void Reader::apply_changes() {
  std::lock_guard lock(changes_mutex_);
  if (changes_.empty()) return;
  for (auto& change : changes_) change();
  changes_.clear();
  changes_applied_.notify_all();
}

void Reader::change_rings(std::function<void()> change) {
  std::unique_lock lock(changes_mutex_);
  if (!running_) {
    change();
    return;
  }
  bool done = false;
  changes_.push_back([&] {
    change();
    done = true;
  });
  signal();
  changes_applied_.wait(lock, [&] { return done; });
}

bool Reader::wait(uint64_t nanos, bool rings) {
  polled_.assign(1, {event_fd_.get(), POLLIN, 0});
  if (rings)
    for (int fd : poll_fds_) polled_.push_back({fd, POLLIN, 0});
  const timespec timeout{static_cast<time_t>(nanos / 1'000'000'000), static_cast<long>(nanos % 1'000'000'000)};
  int ready = ppoll(polled_.data(), polled_.size(), &timeout, nullptr);
  // A ring whose event has ended says so for ever: from then on the tick looks after it.
  for (size_t i = 1; ready > 0 && i < polled_.size(); ++i)
    if (polled_[i].revents & (POLLERR | POLLHUP | POLLNVAL)) std::erase(poll_fds_, polled_[i].fd);
  if (ready > 0 && (polled_[0].revents & POLLIN)) {
    uint64_t count;
    [[maybe_unused]] const ssize_t got = read(event_fd_.get(), &count, sizeof count);
    --ready;
  }
  return ready > 0;
}

void Reader::hold(uint64_t nanos) {
  holding_ = true;
  const uint64_t end = clock_nanos(CLOCK_MONOTONIC) + nanos;
  while (!stopping_ && requested_.load() == 0 && !has_changes()) {
    const uint64_t now = clock_nanos(CLOCK_MONOTONIC);
    if (now >= end) break;
    wait(end - now, false);
  }
  holding_ = false;
}

bool Reader::has_changes() {
  std::lock_guard lock(changes_mutex_);
  return !changes_.empty();
}

void Reader::signal() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = write(event_fd_.get(), &one, sizeof one);
}

void Reader::wake_consumer() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (wake_pending_.exchange(true)) return;
  wakeups_.fetch_add(1, std::memory_order_relaxed);
  wake_();
}

bool Reader::take(Span& span) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    // The horizon first: what it covers was shown before it was.
    const uint64_t horizon = horizon_.load(std::memory_order_acquire);
    bool more = false;
    const bool found = spans_.take(span.start, span.end, more);
    if (!found) span.start = span.end = 0;
    const bool moved = !more && horizon > horizon_told_;
    if (!more) horizon_told_ = std::max(horizon_told_, horizon);
    span.horizon = horizon_told_;
    if (found || moved) {
      wake_pending_.store(true);
      return true;
    }
    // From here on the producer wakes us again; look once more for what it showed before it could know.
    wake_pending_.store(false);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  return false;
}

void Reader::release() {
  spans_.release();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (stalled_.load()) signal();
}

void Reader::request_horizon() {
  requested_ = clock_nanos(config_.clock_id);
  signal();
}

}  // namespace kernscope
