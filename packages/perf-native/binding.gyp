{
  "targets": [
    {
      "target_name": "perf_native",
      "sources": [
        "native/addon.cc",
        "native/merge.cc",
        "native/perf_event.cc",
        "native/reader.cc",
        "native/sample_layout.cc",
        "native/stack_completer.cc",
        "native/system.cc",
        "native/work_thread.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=9", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags": ["-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter"],
      # Without SLP vectors: they join counters that are stored one by one into wide loads, which then wait for the stores.
      "cflags_cc": ["-std=c++20", "-O2", "-fno-tree-slp-vectorize"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fno-exceptions"],
      "ldflags": ["-static-libstdc++", "-Wl,-z,nodelete"]
    }
  ]
}
