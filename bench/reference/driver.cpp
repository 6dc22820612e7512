// Times the recorder of the C++ reference, whose headers come from a checkout given on the command
// line: appends as many events as it is told, one after the other, and prints ns an append.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "flashstrike/events.hpp"
#include "flashstrike/wal/recorder/manager.hpp"

namespace fs1 = flashstrike;
using Clock = std::chrono::steady_clock;

// As many blocks as make a segment of 64 MiB, and as many segments hot and cold as its own examples.
constexpr int kBlockBytes = 16448;
constexpr int kSegmentBlocks = 64 * 1024 * 1024 / kBlockBytes;
constexpr int kHotSegments = 128;
constexpr int kColdSegments = 512;

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: driver FOLDER EVENTS\n");
    return 2;
  }
  const long count = std::strtol(argv[2], nullptr, 10);
  static fs1::wal::recorder::Telemetry metrics;
  fs1::wal::recorder::Manager log(argv[1], kSegmentBlocks, kHotSegments, kColdSegments, metrics);
  if (log.initialize() != fs1::wal::Status::OK) {
    std::fprintf(stderr, "the log cannot be opened\n");
    return 1;
  }
  fs1::RequestEvent order;
  order.reset();
  long refused = 0;
  const auto begin = Clock::now();
  for (long id = 1; id <= count; ++id) {
    order.event_id = id;
    order.timestamp = id;
    order.price = 500 + id % 100;
    order.quantity = 1 + id % 10;
    refused += log.append(order) != fs1::wal::Status::OK;
  }
  const std::chrono::duration<double, std::nano> elapsed = Clock::now() - begin;
  log.shutdown();
  if (refused != 0) {
    std::fprintf(stderr, "%ld appends were refused\n", refused);
    return 1;
  }
  std::printf("\nns an append: %.2f\n", elapsed.count() / static_cast<double>(count));
  return 0;
}
