#pragma once

#include <napi.h>

namespace kernscope {

// Gives `exports` the class Reader.
void define_reader(Napi::Env env, Napi::Object exports);

}  // namespace kernscope
