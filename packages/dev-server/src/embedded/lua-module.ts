// The part of Lua 5.1's C API that is used here.

/** Lua's C API as the WebAssembly module exports it: every argument is a number, text is a pointer and a length. */
export interface LuaModule {
  readonly HEAPU8: Uint8Array
  readonly HEAPU32: Uint32Array
  addFunction(f: (...args: number[]) => unknown, signature: string): number
  _malloc(bytes: number): number
  _free(pointer: number): void
  _realloc(pointer: number, bytes: number): number
  _lua_checkstack(L: number, slots: number): number
  _lua_concat(L: number, count: number): void
  _lua_createtable(L: number, items: number, fields: number): void
  _lua_error(L: number): number
  _lua_gc(L: number, what: number, data: number): number
  _lua_gettop(L: number): number
  _lua_newstate(allocate: number, data: number): number
  _lua_next(L: number, index: number): number
  _lua_pcall(L: number, args: number, results: number, handler: number): number
  _lua_pushboolean(L: number, value: number): void
  _lua_pushcclosure(L: number, fn: number, upvalues: number): void
  _lua_pushlightuserdata(L: number, pointer: number): void
  _lua_pushlstring(L: number, pointer: number, length: number): void
  _lua_pushnumber(L: number, value: number): void
  _lua_pushvalue(L: number, index: number): void
  _lua_rawget(L: number, index: number): void
  _lua_rawgeti(L: number, index: number, n: number): void
  _lua_rawset(L: number, index: number): void
  _lua_rawseti(L: number, index: number, n: number): void
  _lua_sethook(L: number, fn: number, mask: number, count: number): number
  _lua_settop(L: number, index: number): void
  _lua_toboolean(L: number, index: number): number
  _lua_tolstring(L: number, index: number, length: number): number
  _lua_tonumber(L: number, index: number): number
  _lua_type(L: number, index: number): number
  _luaL_loadbuffer(L: number, source: number, length: number, name: number): number
  _luaL_openlibs(L: number): void
  _luaL_ref(L: number, table: number): number
  _luaL_where(L: number, level: number): void
  _luaL_unref(L: number, table: number, ref: number): void
}
