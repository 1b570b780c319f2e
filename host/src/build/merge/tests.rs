use std::sync::{Arc, Mutex};

use wasmparser::{Parser, Payload};
use wasmtime::{
    Engine, Store,
    component::{Component, Linker},
};

use super::*;

/// As toolchains link a component: a memory and a table for all, a library, and what is imported through a table that is filled last. `LIB`
/// stands for more of the library, `MORE` for more modules, `RUN` for what is called, which gives a number.
const LINKED: &str = r#"(component
  (import "log" (func $log (param "text" string)))
  (core module $shim
    (table (export "imports") 1 1 funcref)
    (func (export "log") (param i32 i32)
      (call_indirect (param i32 i32) (local.get 0) (local.get 1) (i32.const 0))))
  (core instance $shim (instantiate $shim))
  (core module $env
    (memory (export "memory") 1)
    (table (export "table") 8 funcref)
    (global (export "base") i32 (i32.const 2))
    (global (export "stack") (mut i32) (i32.const 1024))
    (data (i32.const 16) "hello")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 256)))
  (core instance $env (instantiate $env))
  (core module $lib
    (import "env" "memory" (memory 0))
    (import "env" "table" (table 0 funcref))
    (import "env" "base" (global $base i32))
    (import "env" "stack" (global $stack (mut i32)))
    (import "log" "log" (func $log (param i32 i32)))
    (type $number (func (result i32)))
    (elem (offset (global.get $base)) func $seven)
    (func $seven (result i32) (i32.const 7))
    (data (offset (i32.add (global.get $base) (i32.const 30))) "lib")
    (func (export "indirect") (result i32)
      (call $log (i32.const 16) (i32.const 5))
      (i32.add (call_indirect (type $number) (global.get $base)) (global.get $stack)))
    LIB)
  (core instance $lib (instantiate $lib
    (with "env" (instance $env))
    (with "log" (instance (export "log" (func $shim "log"))))))
  MORE
  (core func $lower (canon lower (func $log) (memory (core memory $env "memory")) (realloc (core func $env "realloc"))))
  (core module $fixup
    (import "" "imports" (table 1 1 funcref))
    (import "" "log" (func $log (param i32 i32)))
    (elem (i32.const 0) func $log))
  (core instance (instantiate $fixup (with "" (instance
    (export "imports" (table $shim "imports"))
    (export "log" (func $lower))))))
  (func (export "run") (result u32) (canon lift (core func RUN))))"#;

fn linked(lib: &str, more: &str, run: &str) -> Vec<u8> {
    wat::parse_str(LINKED.replace("LIB", lib).replace("MORE", more).replace("RUN", run)).unwrap()
}

fn modules(component: &[u8]) -> usize {
    let payloads = Parser::new(0).parse_all(component);
    payloads.filter(|payload| matches!(payload, Ok(Payload::ModuleSection { .. }))).count()
}

/// What `run` gives, and what it logs.
fn run(component: &[u8]) -> (u32, Vec<String>) {
    let engine = Engine::default();
    let component = Component::new(&engine, component).unwrap();
    let logged = Arc::new(Mutex::new(Vec::new()));
    let mut linker = Linker::new(&engine);
    let log = Arc::clone(&logged);
    let note = move |_: wasmtime::StoreContextMut<'_, ()>, (text,): (String,)| {
        log.lock().unwrap().push(text);
        Ok(())
    };
    linker.root().func_wrap("log", note).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &component).unwrap();
    let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run").unwrap();
    let (number,) = run.call(&mut store, ()).unwrap();
    let logged = logged.lock().unwrap().clone();
    (number, logged)
}

/// The joined component has fewer modules and does the same.
fn check(component: &[u8], expected: usize, number: u32) {
    let joined = merged(component, &[]).unwrap().expect("there is something to join");
    assert_eq!(modules(&joined), expected, "{}", modules(component));
    assert_eq!(run(component).0, number);
    assert_eq!(run(&joined), run(component));
    assert!(merged(&joined, &[]).unwrap().is_none(), "it is joined once");
}

#[test]
fn a_library_and_the_memory_become_one() {
    let component = linked("", "", r#"$lib "indirect""#);
    assert_eq!(modules(&component), 4);
    check(&component, 3, 7 + 1024);
    assert_eq!(run(&component).1, ["hello"]);
}

#[test]
fn what_is_laid_down_stays_where_it_was() {
    let lib = r#"(func (export "lib") (result i32) (i32.load8_u (i32.const 32)))"#;
    check(&linked(lib, "", r#"$lib "lib""#), 3, u32::from(b'l'));

    let lib = r#"(data $later "later")
        (func (export "later") (result i32)
          (memory.init $later (i32.const 64) (i32.const 1) (i32.const 1))
          (data.drop $later)
          (i32.load8_u (i32.const 64)))"#;
    check(&linked(lib, "", r#"$lib "later""#), 3, u32::from(b'a'));

    let lib = r#"(elem $more func $nine)
        (func $nine (result i32) (i32.const 9))
        (func (export "more") (result i32)
          (table.init $more (i32.const 5) (i32.const 0) (i32.const 1))
          (call_indirect (type $number) (i32.const 5)))"#;
    check(&linked(lib, "", r#"$lib "more""#), 3, 9);
}

#[test]
fn a_chain_of_modules_becomes_one() {
    let more = r#"(core module $next
        (import "lib" "indirect" (func $indirect (result i32)))
        (import "lib" "state" (global $state (mut i32)))
        (func (export "again") (result i32)
          (global.set $state (i32.add (global.get $state) (call $indirect)))
          (global.get $state))
        (export "passed on" (func $indirect)))
      (core instance $next (instantiate $next (with "lib" (instance
        (export "indirect" (func $lib "indirect"))
        (export "state" (global $lib "state"))))))
      (core module $last
        (import "next" "again" (func $again (result i32)))
        (import "next" "passed on" (func $indirect (result i32)))
        (func (export "sum") (result i32) (i32.add (call $again) (call $indirect))))
      (core instance $last (instantiate $last (with "next" (instance $next))))"#;
    let lib = r#"(global (export "state") (mut i32) (i32.const 100))"#;
    check(&linked(lib, more, r#"$last "sum""#), 3, 100 + 2 * 1031);
}

#[test]
fn the_last_module_may_start() {
    let lib = r#"(func $start (global.set $stack (i32.const 1)))
        (start $start)"#;
    check(&linked(lib, "", r#"$lib "indirect""#), 3, 8);

    // It saw the memory without what the next module lays there.
    let more = r#"(core module $next (import "env" "memory" (memory 0)) (data (i32.const 16) "j"))
      (core instance (instantiate $next (with "env" (instance $env))))"#;
    let refused = merged(&linked(lib, more, r#"$lib "indirect""#), &[]).unwrap_err();
    assert!(refused.to_string().contains("start"), "{refused:#}");
}

#[test]
fn a_component_in_another_is_joined_too() {
    let inner = String::from(LINKED).replace("LIB", "").replace("MORE", "").replace("RUN", r#"$lib "indirect""#);
    let inner = inner.replacen("(component", "(component $inner", 1);
    let outer = format!(
        r#"(component
          (import "log" (func $log (param "text" string)))
          {inner}
          (instance $inner (instantiate $inner (with "log" (func $log))))
          (export "run" (func $inner "run")))"#
    );
    check(&wat::parse_str(outer).unwrap(), 3, 1031);
}

#[test]
fn what_has_nothing_to_join_stays() {
    let single = r#"(component
      (core module $m (func (export "run") (result i32) (i32.const 3)))
      (core instance $m (instantiate $m))
      (func (export "run") (result u32) (canon lift (core func $m "run"))))"#;
    assert!(merged(&wat::parse_str(single).unwrap(), &[]).unwrap().is_none());
    assert!(merged(&wat::parse_str("(component)").unwrap(), &[]).unwrap().is_none());
    assert!(merged(&wat::parse_str("(module)").unwrap(), &[]).is_err());
    assert!(merged(b"nonsense", &[]).is_err());
}

#[test]
fn a_module_that_is_instantiated_twice_stays() {
    let more = r#"(core module $twice (func (export "two") (result i32) (i32.const 2)))
      (core instance $one (instantiate $twice))
      (core instance $two (instantiate $twice))"#;
    check(&linked("", more, r#"$two "two""#), 4, 2);
}

/// How many instructions write a byte.
fn bytes_written(component: &[u8]) -> usize {
    let operators = Parser::new(0).parse_all(component).filter_map(|payload| match payload {
        Ok(Payload::CodeSectionEntry(body)) => Some(body.get_operators_reader().unwrap().into_iter()),
        _ => None,
    });
    operators.flatten().filter(|operator| matches!(operator, Ok(wasmparser::Operator::I32Store8 { .. }))).count()
}

#[test]
fn a_call_of_a_tool_writes_to_the_pages_that_are_there() {
    // It finds its memory as it was.
    let lib = r#"(func (export "a#call") (result i32) (i32.load8_u (i32.const 16)))
        (func (export "a#other") (result i32) (i32.load8_u (i32.const 17)))"#;
    let component = linked(lib, "", r#"$lib "a#call""#);
    let joined = merged(&component, &[0..3, 15..16, 15..17, 400_000..400_001]).unwrap().unwrap();
    assert_eq!((bytes_written(&joined), run(&joined)), (3, run(&component)));
    let beyond = merged(&component, &[16..17, 20..21]).unwrap().unwrap();
    assert_eq!((bytes_written(&beyond), run(&beyond)), (0, run(&component)));

    let other = linked(lib, "", r#"$lib "a#other""#);
    let joined = merged(&other, &[0..3, 5..6]).unwrap().unwrap();
    assert_eq!((bytes_written(&joined), run(&joined)), (0, run(&other)));
}
