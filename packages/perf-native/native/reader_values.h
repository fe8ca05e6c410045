// What a reader takes and gives, as JavaScript's values. Arguments come from binding.ts, which has checked them.
#pragma once

#include <napi.h>

#include <cstdint>
#include <vector>

#include "reader.h"

namespace kernscope {

uint64_t u64(const Napi::Object& object, const char* key);
std::vector<uint8_t> bytes(Napi::Value value);
std::vector<uint32_t> indices(Napi::Value value);
ReaderConfig reader_config(const Napi::Object& options);
OpenSpec open_spec(const Napi::Object& request);

Napi::Array numbers(Napi::Env env, const std::vector<int>& values);
Napi::Array to_array(Napi::Env env, const std::vector<EventCounts>& counts);

}  // namespace kernscope
