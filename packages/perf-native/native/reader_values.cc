#include "reader_values.h"

namespace kernscope {

uint64_t u64(const Napi::Object& object, const char* key) {
  return static_cast<uint64_t>(object.Get(key).As<Napi::Number>().Int64Value());
}

std::vector<uint8_t> bytes(Napi::Value value) {
  const auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.Data() + array.ByteLength()};
}

std::vector<uint32_t> indices(Napi::Value value) {
  const auto array = value.As<Napi::Uint32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

Napi::Array numbers(Napi::Env env, const std::vector<int>& values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (uint32_t i = 0; i < values.size(); ++i) array.Set(i, Napi::Number::New(env, values[i]));
  return array;
}

Napi::Array to_array(Napi::Env env, const std::vector<EventCounts>& counts) {
  Napi::Array array = Napi::Array::New(env, counts.size());
  for (uint32_t i = 0; i < counts.size(); ++i) {
    const EventCounts& one = counts[i];
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("cpu", Napi::Number::New(env, one.cpu));
    entry.Set("pid", Napi::Number::New(env, one.pid));
    entry.Set("value", Napi::BigInt::New(env, one.value));
    entry.Set("timeEnabled", Napi::BigInt::New(env, one.time_enabled));
    entry.Set("timeRunning", Napi::BigInt::New(env, one.time_running));
    entry.Set("lost", one.has_lost ? Napi::Value(Napi::BigInt::New(env, one.lost)) : env.Undefined());
    if (!one.group.empty()) {
      Napi::Array values = Napi::Array::New(env, one.group.size());
      for (uint32_t j = 0; j < one.group.size(); ++j) values.Set(j, Napi::BigInt::New(env, one.group[j]));
      entry.Set("values", values);
    }
    array.Set(i, entry);
  }
  return array;
}

OpenSpec open_spec(const Napi::Object& request) {
  OpenSpec spec;
  spec.index = request.Get("index").As<Napi::Number>().Uint32Value();
  spec.attr = bytes(request.Get("attr"));
  spec.flags = u64(request, "flags");
  spec.ring_size = u64(request, "ringSize");
  spec.follow_cpus = request.Get("followCpus").As<Napi::Boolean>();
  spec.enabled = request.Get("enabled").As<Napi::Boolean>();
  spec.complete_stack = request.Get("completeStack").As<Napi::Boolean>();
  if (request.Get("leader").IsNumber()) spec.leader = request.Get("leader").As<Napi::Number>().Uint32Value();
  if (request.Get("filter").IsString()) spec.filter = request.Get("filter").As<Napi::String>().Utf8Value();
  // Pairs of pid and cpu.
  const auto targets = request.Get("targets").As<Napi::Int32Array>();
  for (size_t i = 0; i + 1 < targets.ElementLength(); i += 2) spec.targets.push_back({targets[i], targets[i + 1]});
  return spec;
}

ReaderConfig reader_config(const Napi::Object& options) {
  ReaderConfig config;
  const auto cpus = options.Get("cpus").As<Napi::Int32Array>();
  config.cpus.assign(cpus.Data(), cpus.Data() + cpus.ElementLength());
  config.ring_size = u64(options, "ringSize");
  config.ticks.tick_nanos = u64(options, "tickNanos");
  config.ticks.quick_tick_nanos = u64(options, "quickTickNanos");
  config.ticks.rest_tick_nanos = u64(options, "restTickNanos");
  config.ticks.batch = u64(options, "batch");
  config.slack_nanos = u64(options, "slackNanos");
  config.clock_id = static_cast<int>(u64(options, "clockId"));
  config.offline_rings = options.Get("offlineRings").As<Napi::Boolean>();
  return config;
}

}  // namespace kernscope
