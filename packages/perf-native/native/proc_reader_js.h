// The way from JavaScript to the reader of many files.
#pragma once

#include <napi.h>

namespace kernscope {

void define_proc_reader(Napi::Env env, Napi::Object exports);

}  // namespace kernscope
