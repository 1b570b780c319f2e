//! Hosts that live, are cut off, stop and die; each is the real service in a world of its own.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{
    HOSTS, OPEN_MAX, RULES, TTL_MS_MAX,
    executor::{Executor, Owner},
    guests::{Guests, Runner},
    store::{BEGINNING_MS, Disk},
};
use crate::{
    signals::{Signal, Signals},
    tasks::{Run, Settings, Tasks, World, id::ID_BYTES, machine::SKEW_MS_MAX},
};

/// All hosts, and what they share.
pub(super) struct Hosts {
    pub(super) executor: Executor,
    pub(super) disk: Arc<Disk>,
    pub(super) guests: Arc<Guests>,
    lives: Mutex<Vec<Option<Life>>>,
    /// How far each machine's clock is off, in milliseconds. It may be set while the host runs.
    skews: Vec<Arc<AtomicI64>>,
}

/// One life of a host.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) owner: Owner,
    pub(super) tasks: Arc<Tasks>,
    signals: Signals,
    stop: CancellationToken,
}

/// What a host knows of the world.
pub(super) struct HostWorld {
    pub(super) executor: Executor,
    pub(super) owner: Owner,
    pub(super) skew: Arc<AtomicI64>,
}

impl World for HostWorld {
    fn now_ms(&self) -> u64 {
        let true_ms = BEGINNING_MS + u64::try_from(self.executor.now().as_millis()).unwrap_or_default();
        true_ms.saturating_add_signed(self.skew.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        self.executor.now()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.executor.sleep(time))
    }

    fn random(&self) -> io::Result<[u8; ID_BYTES]> {
        let mut bytes = [0; ID_BYTES];
        for some in bytes.chunks_mut(8) {
            some.copy_from_slice(&self.executor.chance().to_le_bytes()[..some.len()]);
        }
        Ok(bytes)
    }

    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.executor.spawn(self.owner, work);
    }
}

impl Hosts {
    pub(super) fn new(executor: Executor) -> Arc<Self> {
        let hosts = Arc::new(Self {
            disk: Disk::new(executor.clone()),
            guests: Guests::new(executor.clone()),
            executor,
            lives: Mutex::new(vec![None; HOSTS]),
            skews: (0..HOSTS).map(|_| Arc::default()).collect(),
        });
        for index in 0..HOSTS {
            hosts.set_clock(index);
            hosts.begin(index);
        }
        hosts
    }

    fn lives(&self) -> MutexGuard<'_, Vec<Option<Life>>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host, if it lives.
    pub(super) fn life(&self, index: usize) -> Option<Life> {
        self.lives()[index].clone()
    }

    /// Some host that lives.
    pub(super) fn any(&self) -> Option<Life> {
        let lives: Vec<Life> = self.lives().iter().flatten().cloned().collect();
        let chosen = usize::try_from(self.executor.below(lives.len() as u64)).unwrap_or_default();
        lives.get(chosen).cloned()
    }

    /// Sets a machine's clock: no two are further apart than was stated.
    pub(super) fn set_clock(&self, index: usize) {
        let skew = i64::try_from(self.executor.below(SKEW_MS_MAX + 1)).unwrap_or_default();
        self.skews[index].store(skew - i64::try_from(SKEW_MS_MAX / 2).unwrap_or_default(), Ordering::Relaxed);
    }

    /// Starts the host if it does not live.
    pub(super) fn begin(self: &Arc<Self>, index: usize) {
        if self.lives()[index].is_some() {
            return;
        }
        let life = self.executor.chance();
        let owner = Owner::Host { index, life };
        let world = HostWorld { executor: self.executor.clone(), owner, skew: Arc::clone(&self.skews[index]) };
        let settings = Settings {
            rules: RULES,
            ttl_ms: TTL_MS_MAX,
            ttl_ms_max: TTL_MS_MAX,
            open_max: OPEN_MAX,
            // What is answered at any time must be answerable here.
            ended_max: u64::MAX,
            running_max: 4,
            running_of_tenant_max: 4,
            drain_max: Duration::from_secs(10),
        };
        let (signals, stop) = (Signals::new(), CancellationToken::new());
        let name = format!("{index}-{:04x}", life & 0xffff);
        let tasks = Tasks::new(self.disk.seen_by(index), signals.clone(), Arc::new(world), name, settings);
        self.executor.event(|| format!("host {index} begins"));
        let run: Arc<dyn Run> = Arc::new(Runner(Arc::clone(&self.guests)));
        self.executor.spawn(owner, Box::pin(Arc::clone(&tasks).work(run, stop.clone())));
        self.pass_on(index, owner, &signals);
        self.lives()[index] = Some(Life { owner, tasks, signals, stop });
    }

    /// Says on all other hosts what this one says: late, not always, and sometimes twice.
    fn pass_on(self: &Arc<Self>, index: usize, owner: Owner, signals: &Signals) {
        let (hosts, mut said) = (Arc::clone(self), signals.listen_outward());
        let pass_on = async move {
            loop {
                let signal = match said.recv().await {
                    Ok(signal) => signal,
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                };
                for other in (0..HOSTS).filter(|other| *other != index) {
                    let chance = hosts.executor.below(100);
                    let times = match chance {
                        _ if !hosts.disk.has_faults() => 1,
                        0..20 => 0,
                        20..95 => 1,
                        _ => 2,
                    };
                    for _ in 0..times {
                        hosts.tell(other, signal.clone());
                    }
                }
            }
        };
        self.executor.spawn(owner, Box::pin(pass_on));
    }

    fn tell(self: &Arc<Self>, index: usize, signal: Signal) {
        let hosts = Arc::clone(self);
        let tell = async move {
            hosts.executor.sleep(hosts.executor.some_ms(20)).await;
            if let Some(life) = hosts.life(index) {
                life.signals.repeat(signal);
            }
        };
        self.executor.spawn(Owner::World, Box::pin(tell));
    }

    /// Ends the host where it stands.
    pub(super) fn kill(&self, index: usize) {
        let life = self.lives()[index].take();
        if let Some(life) = life {
            self.executor.event(|| format!("host {index} dies"));
            self.executor.kill(life.owner);
        }
    }

    /// Tells the host to stop.
    pub(super) fn stop(&self, index: usize) {
        if let Some(life) = self.life(index) {
            self.executor.event(|| format!("host {index} stops"));
            life.stop.cancel();
        }
    }
}
