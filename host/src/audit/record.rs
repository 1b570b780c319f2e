//! What is written down: one type for each kind of record.
//!
//! No record has an answer's text, an error's text, or a secret's value in it: those are the guest's or the caller's own words.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::observe::Effects;

/// Something that can be written down. Becomes a JSON object.
pub trait Event: Serialize {
    /// What its records are called in `kind`.
    const KIND: &'static str;
}

/// A call, or one round or attempt of it: whose it was, by what right, what it touched, and what came of it.
#[derive(Serialize)]
pub struct Call<'a> {
    pub tenant: &'a str,
    pub subject: &'a str,
    /// The OAuth client, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<&'a str>,
    pub by: By<'a>,
    /// What the client's program calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<&'a str>,
    pub method: &'static str,
    /// The tool's or prompt's public name, or the resource's URI.
    pub name: &'a str,
    pub plugin: &'a str,
    /// The component's.
    pub digest: String,
    pub decision: &'static str,
    /// The rule that decided, where there are rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<&'a Arguments>,
    pub outcome: Outcome,
    /// Which of the protocol's errors it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<i32>,
    /// The same in a word, which is the limit's name if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    pub duration_us: u64,
    /// The trace that the caller says it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub era: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    pub task: bool,
    /// Counted from 1.
    pub attempt: u32,
    #[serde(flatten)]
    pub effects: &'a Effects,
}

/// How a caller proved who it is.
#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum By<'a> {
    Anonymous,
    /// The key's id.
    Key(&'a str),
    /// The issuer of its token.
    Token(&'a str),
}

/// What came of a call.
#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Answered,
    /// With an error that is the tool's answer.
    ToolError,
    /// With an error of the protocol's.
    Fault,
    /// With questions to the user.
    Asked,
    /// With a task, which has records of its own.
    Task,
    /// Nobody waited for it any more.
    Dropped,
}

/// Arguments, as far as the configuration lets them be shown.
#[derive(Serialize)]
pub struct Arguments {
    /// Of their canonical form: keys sorted, no spaces.
    pub sha256: String,
    pub bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Box<RawValue>>,
}

impl Event for Call<'_> {
    const KIND: &'static str = "call";
}

/// A request that was refused before anything ran. Of what a caller says, it has what the host found to be true.
#[derive(Serialize, Default)]
pub struct Refused<'a> {
    /// In a word of the host's own.
    pub reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Of the other end of the connection, which may be a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The tenant whose endpoint was asked, where the path names one, or `admin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<&'a str>,
    /// The caller's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<By<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
}

impl Event for Refused<'_> {
    const KIND: &'static str = "refused";
}

/// A plugin that came, went, or was refused.
#[derive(Serialize)]
pub struct PluginChange<'a> {
    /// `loaded`, `replaced`, `removed` or `refused`.
    pub change: &'static str,
    pub tenant: &'a str,
    pub plugin: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Of the component that was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

impl Event for PluginChange<'_> {
    const KIND: &'static str = "plugin";
}

/// A change of what the operator says: configuration, keys, certificates, the lock file.
#[derive(Serialize, Default)]
pub struct Change<'a> {
    /// Such as `configuration`, `key`.
    pub what: &'static str,
    /// Such as `reloaded`, `refused`, `added`, `removed`.
    pub change: &'static str,
    /// By which command, where it was none of the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'static str>,
    /// Of which one, such as a key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Keys of the configuration that are others now.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub applied: &'a [String],
    /// Keys of the configuration that will be, from the next start on.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub needs_restart: &'a [String],
}

impl Event for Change<'_> {
    const KIND: &'static str = "changed";
}

/// Something that the host was told to do at its admin listener, and what came of it.
#[derive(Serialize)]
pub struct Told<'a> {
    /// `reload` or `drain`.
    pub action: &'static str,
    /// `done` or `refused`.
    pub outcome: &'static str,
    pub address: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

impl Event for Told<'_> {
    const KIND: &'static str = "admin";
}

/// A host began to write here.
#[derive(Serialize)]
pub(super) struct Start {
    pub(super) version: &'static str,
    pub(super) durable: bool,
}

impl Event for Start {
    const KIND: &'static str = "start";
}

/// A host ended as it should.
#[derive(Serialize)]
pub(super) struct Stop {}

impl Event for Stop {
    const KIND: &'static str = "stop";
}

/// Records that could not be written.
#[derive(Serialize)]
pub(super) struct Missing {
    pub(super) records: u64,
}

impl Event for Missing {
    const KIND: &'static str = "missing";
}

/// What stands before this line is what was left of one when a host died.
#[derive(Serialize)]
pub(super) struct Torn {
    pub(super) bytes: usize,
    pub(super) sha256: String,
}

impl Event for Torn {
    const KIND: &'static str = "torn";
}

/// The trail ended sooner than the host had written down that it would.
#[derive(Serialize)]
pub(super) struct Cut {
    pub(super) expected_seq: u64,
    pub(super) expected_hash: String,
}

impl Event for Cut {
    const KIND: &'static str = "cut";
}

/// A new file began.
#[derive(Serialize)]
pub(super) struct NewFile {
    /// The one before it.
    pub(super) after: String,
}

impl Event for NewFile {
    const KIND: &'static str = "file";
}

/// An old file was removed, since no more were to be kept.
#[derive(Serialize)]
pub(super) struct Removed {
    pub(super) file: String,
    /// The number of its last record, and the hash of that.
    pub(super) last_seq: u64,
    pub(super) last_hash: String,
}

impl Event for Removed {
    const KIND: &'static str = "removed";
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
fn is_false(value: &bool) -> bool {
    !value
}
