// Owns the precompiled headers of test units that see Boost or JSON (tests/CMakeLists.txt); a precompiled header needs a unit.
