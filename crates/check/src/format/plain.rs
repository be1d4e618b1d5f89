//! Any value in JSON.
//!
//! JSON has no keywords, symbols, sets, tags, and only texts as keys of maps. In our own files such
//! a value is a map of one field whose name begins with `#`, so that nothing is lost:
//! `{"#keyword":"x"}`, `{"#symbol":"y"}`, `{"#set":[1,2]}`, `{"#map":[[1,2],[3,4]]}`,
//! `{"#tag":["inst","2020"]}`, `{"#number":"3/4"}`.

use std::fmt::Write as _;

use super::json::is_json_number;
use crate::Value;

/// The value with nothing in it that JSON does not have.
pub(super) fn escaped(value: &Value) -> Value {
    let all = |items: &[Value]| Value::List(items.iter().map(escaped).collect());
    match value {
        Value::Nil | Value::Bool(_) | Value::Int(_) | Value::Text(_) => value.clone(),
        Value::Number(text) if is_json_number(text.as_bytes()) => value.clone(),
        Value::Number(text) => marked("#number", Value::Text(text.clone())),
        Value::Keyword(name) => marked("#keyword", Value::Text(name.clone())),
        Value::Symbol(name) => marked("#symbol", Value::Text(name.clone())),
        Value::List(items) => all(items),
        Value::Set(items) => marked("#set", all(items)),
        Value::Map(entries) if is_plain_map(entries) => {
            let entry = |(key, value): &(Value, Value)| (key.clone(), escaped(value));
            Value::Map(entries.iter().map(entry).collect())
        }
        Value::Map(entries) => {
            let pair = |(key, value): &(Value, Value)| Value::from([escaped(key), escaped(value)]);
            marked("#map", Value::List(entries.iter().map(pair).collect()))
        }
        Value::Tagged(tag, value) => {
            marked("#tag", Value::from([Value::Text(tag.clone()), escaped(value)]))
        }
    }
}

fn marked(mark: &str, value: Value) -> Value {
    Value::Map(vec![(Value::text(mark), value)])
}

/// Whether the keys are texts, and the map does not look like one that stands for something else.
fn is_plain_map(entries: &[(Value, Value)]) -> bool {
    let text = |(key, _): &(Value, Value)| matches!(key, Value::Text(_));
    entries.iter().all(text) && !(entries.len() == 1 && is_mark(&entries[0].0))
}

fn is_mark(key: &Value) -> bool {
    key.name().is_some_and(|name| name.starts_with('#'))
}

/// The value that an escaped one stands for.
pub(super) fn unescaped(value: Value) -> Value {
    let all = |items: Vec<Value>| items.into_iter().map(unescaped).collect::<Vec<_>>();
    match value {
        Value::List(items) => Value::List(all(items)),
        Value::Map(mut entries) if entries.len() == 1 && is_mark(&entries[0].0) => {
            let (mark, content) = entries.remove(0);
            unmarked(&mark, content)
                .unwrap_or_else(|content| Value::Map(vec![(mark, unescaped(content))]))
        }
        Value::Map(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (key, unescaped(value))).collect())
        }
        simple => simple,
    }
}

/// What stands for something else, or the content unchanged.
fn unmarked(mark: &Value, content: Value) -> Result<Value, Value> {
    match (mark.name(), content) {
        (Some("#number"), Value::Text(text)) => Ok(Value::Number(text)),
        (Some("#keyword"), Value::Text(text)) => Ok(Value::Keyword(text)),
        (Some("#symbol"), Value::Text(text)) => Ok(Value::Symbol(text)),
        (Some("#set"), Value::List(items)) => {
            Ok(Value::Set(items.into_iter().map(unescaped).collect()))
        }
        (Some("#map"), Value::List(pairs)) => {
            let is_pair = |pair: &Value| pair.list().is_some_and(|pair| pair.len() == 2);
            if !pairs.iter().all(is_pair) {
                return Err(Value::List(pairs));
            }
            let pair = |pair| match pair {
                Value::List(pair) => {
                    let mut both = pair.into_iter().map(unescaped);
                    (both.next().unwrap_or_default(), both.next().unwrap_or_default())
                }
                other => (other, Value::Nil),
            };
            Ok(Value::Map(pairs.into_iter().map(pair).collect()))
        }
        (Some("#tag"), Value::List(mut pair)) if pair.len() == 2 => match pair.remove(0) {
            Value::Text(tag) => Ok(Value::Tagged(tag, Box::new(unescaped(pair.remove(0))))),
            other => Err(Value::List(vec![other, pair.remove(0)])),
        },
        (_, content) => Err(content),
    }
}

/// The value as JSON, in one line. What JSON does not have becomes the nearest that it has: names
/// become texts, sets become lists, a tag is left out.
pub(super) fn plain(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(value) => _ = write!(out, "{value}"),
        Value::Int(number) => _ = write!(out, "{number}"),
        Value::Number(text) if is_json_number(text.as_bytes()) => out.push_str(text),
        Value::Number(text) | Value::Text(text) | Value::Keyword(text) | Value::Symbol(text) => {
            write_text(text, out);
        }
        Value::List(items) | Value::Set(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                match key.name() {
                    Some(name) => write_text(name, out),
                    None => write_text(&plain(key), out),
                }
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::Tagged(_, value) => write(value, out),
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c < ' ' => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}
