// System calls that JavaScript has no other way to.
#pragma once

#include <napi.h>

namespace kernscope {

void define_system(Napi::Env env, Napi::Object exports);

// An Error with `operation`, `errno` (a number), `cpu` and `pid`.
struct SystemError;
Napi::Error to_error(Napi::Env env, const SystemError& error);

}  // namespace kernscope
