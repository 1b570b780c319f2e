//! How the servers are reached: one connection for operations, one for notes.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, RedisResult, TlsCertificates,
    aio::{ConnectionLike, MultiplexedConnection, PubSub},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    cmd,
};
use tokio::time;

use super::{Credentials, OPERATION_MAX, script};
use crate::config::{Secret, SharedStore, StoreForm};

/// How long it may take to be connected, with all that is asked then.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// The version of the layout of keys. A host that does not know the server's is not served by it; one that does, brings it up
/// to date.
const SCHEMA: u64 = 1;

/// Where the servers are, and what they want to know.
pub(super) struct Servers {
    form: StoreForm,
    /// The servers', or the sentinels'.
    addresses: Vec<ConnectionAddr>,
    settings: RedisConnectionInfo,
    sentinel_settings: RedisConnectionInfo,
    tls: bool,
    certificates: TlsCertificates,
    prefix: String,
    shown: String,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum ConnectError {
    /// It may be better later.
    Away(String),
    /// It will not, unless somebody changes something.
    Refused(String),
}

/// Both connections.
pub(super) struct Line {
    pub(super) link: Link,
    /// Subscribed already.
    pub(super) notes: PubSub,
}

/// The connection for operations, which all share.
#[derive(Clone)]
pub(super) enum Link {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// The channel of notes.
pub(super) fn channel(prefix: &str) -> String {
    format!("{prefix}:notes")
}

impl Servers {
    pub(super) fn new(shared: &SharedStore, credentials: &Credentials) -> Result<Self, String> {
        let url = &shared.url;
        if url.tls {
            // The library takes the process' own. It may be set already.
            let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        }
        let address = |(host, port): &(String, u16)| address(host, *port, url.tls);
        let settings = settings(credentials.password.as_ref());
        let settings = match &url.user {
            Some(user) => settings.set_username(user),
            None => settings,
        };
        let servers = Self {
            form: url.form.clone(),
            addresses: url.addresses.iter().map(address).collect(),
            settings: settings.set_db(url.database.into()),
            sentinel_settings: self::settings(credentials.sentinel_password.as_ref()),
            tls: url.tls,
            certificates: TlsCertificates { client_tls: None, root_cert: credentials.ca.clone() },
            prefix: shared.prefix.clone(),
            shown: url.to_string(),
        };
        // Certificates that cannot be read are found now.
        for address in &servers.addresses {
            servers.client(address, &servers.settings).map_err(|error| servers.said(&error))?;
        }
        Ok(servers)
    }

    /// The URL, for messages.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Connects, and asks whether this host may be there.
    pub(super) async fn connect(&self) -> Result<Line, ConnectError> {
        let connected = time::timeout(CONNECT_MAX, self.connect_each()).await;
        connected.unwrap_or_else(|_| Err(ConnectError::Away(format!("{} does not answer", self.shown))))
    }

    async fn connect_each(&self) -> Result<Line, ConnectError> {
        let line = match &self.form {
            StoreForm::One => self.line(&self.addresses[0]).await,
            StoreForm::Sentinel(name) => self.line_by_sentinel(name).await,
            StoreForm::Cluster => self.line_to_cluster().await,
        };
        let mut line = line.map_err(|error| self.sorted(&error))?;
        self.check_schema(&mut line.link).await?;
        Ok(line)
    }

    async fn line(&self, address: &ConnectionAddr) -> RedisResult<Line> {
        let client = self.client(address, &self.settings)?;
        // The time of operations is bounded as a whole.
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_MAX)).set_response_timeout(None);
        let link = Link::One(client.get_multiplexed_async_connection_with_config(&config).await?);
        self.warn_of_eviction(&link).await;
        Ok(Line { link, notes: self.notes(&client).await? })
    }

    /// A server that makes room by itself makes it of what somebody waits for.
    async fn warn_of_eviction(&self, link: &Link) {
        let mut ask = cmd("INFO");
        ask.arg("memory");
        // Not everybody may ask that.
        let Ok(info) = link.run::<String>(&ask).await else { return };
        let says = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        if let (Some(policy), Some(max)) = (says("maxmemory_policy"), says("maxmemory"))
            && policy != "noeviction"
            && max != "0"
        {
            tracing::warn!(
                "{} throws data away when it is full (maxmemory-policy {policy}), which loses tasks and sessions: set noeviction",
                self.shown
            );
        }
    }

    async fn notes(&self, client: &Client) -> RedisResult<PubSub> {
        let mut notes = client.get_async_pubsub().await?;
        notes.subscribe(channel(&self.prefix)).await?;
        Ok(notes)
    }

    /// Asks one sentinel after the other where the server is, and the server whether it is the one that takes writes: what a
    /// sentinel knows may be old.
    async fn line_by_sentinel(&self, name: &str) -> RedisResult<Line> {
        let mut failed = RedisError::from((ErrorKind::Io, "no sentinel answers"));
        for sentinel in &self.addresses {
            match self.line_by(sentinel, name).await {
                Ok(line) => return Ok(line),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn line_by(&self, sentinel: &ConnectionAddr, name: &str) -> RedisResult<Line> {
        let client = self.client(sentinel, &self.sentinel_settings)?;
        let mut sentinel = client.get_multiplexed_async_connection().await?;
        let mut ask = cmd("SENTINEL");
        ask.arg("get-master-addr-by-name").arg(name);
        let found: Option<(String, u16)> = ask.query_async(&mut sentinel).await?;
        let (host, port) =
            found.ok_or_else(|| (ErrorKind::Io, "the sentinels know no server of that name", name.to_owned()))?;
        let line = self.line(&address(&host, port, self.tls)).await?;
        let role: Vec<redis::Value> = line.link.run(&cmd("ROLE")).await?;
        match role.first() {
            Some(redis::Value::BulkString(role)) if role == b"master" => Ok(line),
            _ => Err((ErrorKind::Io, "the sentinels name a server that takes no writes (yet)").into()),
        }
    }

    async fn line_to_cluster(&self) -> RedisResult<Line> {
        let nodes = self.addresses.iter().map(|address| info(address, &self.settings));
        let nodes = nodes.collect::<RedisResult<Vec<_>>>()?;
        let mut builder =
            ClusterClientBuilder::new(nodes).connection_timeout(CONNECT_MAX).response_timeout(OPERATION_MAX);
        if self.tls {
            builder = builder.certs(self.certificates.clone());
        }
        let link = builder.build()?.get_async_connection().await?;
        // What is published at one node is heard at all of them.
        let mut failed = RedisError::from((ErrorKind::Io, "no node answers"));
        for address in &self.addresses {
            match self.notes(&self.client(address, &self.settings)?).await {
                Ok(notes) => return Ok(Line { link: Link::Cluster(link), notes }),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Whether the layout of keys is one that this host knows. It is this one's if nobody was there before.
    async fn check_schema(&self, link: &mut Link) -> Result<(), ConnectError> {
        let key = format!("{}:schema", self.prefix);
        let (mut first, mut get) = (cmd("SET"), cmd("GET"));
        first.arg(&key).arg(SCHEMA).arg("NX");
        get.arg(&key);
        let version: RedisResult<u64> = async {
            link.run::<redis::Value>(&first).await?;
            link.run(&get).await
        }
        .await;
        match version {
            Ok(SCHEMA) => Ok(()),
            Ok(version) => Err(ConnectError::Refused(format!(
                "the data in {} has version {version}, and this host knows {SCHEMA}; use a newer host, or another `store_prefix`",
                self.shown
            ))),
            Err(error) => Err(self.sorted(&error)),
        }
    }

    fn client(&self, address: &ConnectionAddr, settings: &RedisConnectionInfo) -> RedisResult<Client> {
        let info = info(address, settings)?;
        if self.tls { Client::build_with_tls(info, self.certificates.clone()) } else { Client::open(info) }
    }

    fn sorted(&self, error: &RedisError) -> ConnectError {
        let refused = matches!(error.kind(), ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig)
            || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"));
        if refused { ConnectError::Refused(self.said(error)) } else { ConnectError::Away(self.said(error)) }
    }

    fn said(&self, error: &RedisError) -> String {
        format!("{}: {error}", self.shown)
    }
}

impl Link {
    /// A script by its digest is sent whole if the server does not know it.
    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        match self.send(command).await {
            Err(error) if script::is_unknown(&error) => match script::whole(command) {
                Some(whole) => self.send(&whole).await,
                None => Err(error),
            },
            answer => answer,
        }
    }

    async fn send<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::One(link) => query(command, link.clone()).await,
            Self::Cluster(link) => query(command, link.clone()).await,
        }
    }
}

async fn query<T: FromRedisValue>(command: &Cmd, mut link: impl ConnectionLike) -> RedisResult<T> {
    command.query_async(&mut link).await
}

fn address(host: &str, port: u16, tls: bool) -> ConnectionAddr {
    let host = host.to_owned();
    if tls {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    }
}

fn settings(password: Option<&Secret>) -> RedisConnectionInfo {
    let settings = RedisConnectionInfo::default();
    match password {
        Some(password) => settings.set_password(password.reveal()),
        None => settings,
    }
}

fn info(address: &ConnectionAddr, settings: &RedisConnectionInfo) -> RedisResult<ConnectionInfo> {
    Ok(address.clone().into_connection_info()?.set_redis_settings(settings.clone()))
}
