//! A plugin that keeps things: each tool is one operation on key-value data, or on files, or one way to want too much of them.

mod values;

#[toolyard_plugin::plugin]
pub mod keeper {
    use std::env;
    use std::fs::{self, File, OpenOptions};
    use std::io::{self, Read, Seek, SeekFrom, Write};

    use toolyard_plugin::serde_json::json;
    use toolyard_plugin::{Error, Result};

    use crate::values::{
        self, said,
        wasi::keyvalue::{atomics, batch, store},
    };

    /// Opens a store by any name.
    pub fn kv_open(name: String) -> Result<String> {
        store::open(&name).map(|_| "opened".to_owned()).map_err(|error| Error::Failed(said(error)))
    }

    /// The value, as text.
    pub fn kv_get(key: String) -> Result<String> {
        let value = values::with(|bucket| bucket.get(&key))?;
        Ok(json!(value.map(|value| String::from_utf8_lossy(&value).into_owned())).to_string())
    }

    pub fn kv_set(key: String, value: String) -> Result<String> {
        values::with(|bucket| bucket.set(&key, value.as_bytes()))?;
        Ok("set".to_owned())
    }

    /// Sets a value of this many bytes under a key of that many.
    pub fn kv_set_large(key_bytes: usize, value_bytes: usize) -> Result<String> {
        values::with(|bucket| bucket.set(&"k".repeat(key_bytes), &vec![b'v'; value_bytes]))?;
        Ok("set".to_owned())
    }

    pub fn kv_delete(key: String) -> Result<String> {
        values::with(|bucket| bucket.delete(&key))?;
        Ok("deleted".to_owned())
    }

    pub fn kv_exists(key: String) -> Result<bool> {
        values::with(|bucket| bucket.exists(&key))
    }

    /// One part of the list of keys.
    pub fn kv_list(cursor: Option<String>) -> Result<String> {
        let page = values::with(|bucket| bucket.list_keys(cursor.as_deref()))?;
        Ok(json!({ "keys": page.keys, "cursor": page.cursor }).to_string())
    }

    /// Adds so many times, and gives the last sum.
    pub fn kv_increment(key: String, delta: i64, #[arg(default = 1)] times: u32) -> Result<String> {
        let mut sum = 0;
        for _ in 0..times {
            sum = values::with(|bucket| atomics::increment(bucket, &key, delta))?;
        }
        Ok(sum.to_string())
    }

    /// Reads a key, lets somebody else write `meanwhile`, and swaps; tries again with what it was given if that fails.
    pub fn kv_swap(key: String, meanwhile: Option<String>, value: String) -> Result<String> {
        let cas = values::with(|bucket| atomics::Cas::new(bucket, &key))?;
        if let Some(meanwhile) = &meanwhile {
            values::with(|bucket| bucket.set(&key, meanwhile.as_bytes()))?;
        }
        let mut read = Vec::new();
        let mut next = Some(cas);
        while let Some(cas) = next.take() {
            let current = cas.current().map_err(|error| Error::Failed(said(error)))?;
            read.push(current.map(|value| String::from_utf8_lossy(&value).into_owned()));
            match atomics::swap(cas, value.as_bytes()) {
                Ok(()) => {}
                Err(atomics::CasError::CasFailed(cas)) => next = Some(cas),
                Err(atomics::CasError::StoreError(error)) => return Err(Error::Failed(said(error))),
            }
        }
        Ok(json!(read).to_string())
    }

    /// Sets many keys of the form `PREFIX0007` in one step.
    pub fn kv_set_many(prefix: String, count: u32, #[arg(default = 1)] value_bytes: usize) -> Result<String> {
        let all: Vec<_> = (0..count).map(|n| (format!("{prefix}{n:04}"), vec![b'v'; value_bytes])).collect();
        values::with(|bucket| batch::set_many(bucket, &all))?;
        Ok("set".to_owned())
    }

    /// How many bytes of values there are under keys like that.
    pub fn kv_get_many(prefix: String, count: u32) -> Result<String> {
        let keys: Vec<_> = (0..count).map(|n| format!("{prefix}{n:04}")).collect();
        let values = values::with(|bucket| batch::get_many(bucket, &keys))?;
        let sizes: Vec<_> = values.into_iter().map(|value| value.map(|(_, value)| value.len())).collect();
        Ok(json!(sizes).to_string())
    }

    /// Asks for one key again and again, in one batch.
    pub fn kv_get_same(key: String, count: usize) -> Result<String> {
        let values = values::with(|bucket| batch::get_many(bucket, &vec![key.clone(); count]))?;
        Ok(values.len().to_string())
    }

    pub fn kv_delete_many(prefix: String, count: u32) -> Result<String> {
        let keys: Vec<_> = (0..count).map(|n| format!("{prefix}{n:04}")).collect();
        values::with(|bucket| batch::delete_many(bucket, &keys))?;
        Ok("deleted".to_owned())
    }

    /// Opens handle after handle and lets none go. Says how many it got, and why no more.
    pub fn kv_hoard(
        /// A key to read, or nothing to open the store.
        key: Option<String>,
        count: usize,
    ) -> Result<String> {
        let bucket = store::open("default").map_err(|error| Error::Failed(said(error)))?;
        let (mut buckets, mut read) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let got = match &key {
                Some(key) => atomics::Cas::new(&bucket, key).map(|cas| read.push(cas)),
                None => store::open("default").map(|bucket| buckets.push(bucket)),
            };
            if let Err(error) = got {
                return Ok(json!({ "got": buckets.len() + read.len(), "error": said(error) }).to_string());
            }
        }
        Ok(json!({ "got": buckets.len() + read.len() }).to_string())
    }

    /// An environment variable.
    pub fn variable(name: String) -> String {
        json!(env::var(name).ok()).to_string()
    }

    /// What `wasi:config` says.
    pub fn setting(key: Option<String>) -> Result<String> {
        use crate::values::wasi::config::store::{get, get_all};
        let failed = |error| Error::Failed(format!("{error:?}"));
        Ok(match key {
            Some(key) => json!(get(&key).map_err(failed)?).to_string(),
            None => json!(get_all().map_err(failed)?).to_string(),
        })
    }

    fn told<T>(done: io::Result<T>) -> Result<T> {
        done.map_err(|error| Error::Failed(error.to_string()))
    }

    pub fn read(path: String) -> Result<String> {
        told(fs::read_to_string(path))
    }

    pub fn write(path: String, text: String) -> Result<String> {
        told(fs::write(path, text)).map(|()| "written".to_owned())
    }

    pub fn append(path: String, text: String) -> Result<String> {
        let append = || OpenOptions::new().append(true).create(true).open(&path)?.write_all(text.as_bytes());
        told(append()).map(|()| "written".to_owned())
    }

    /// Writes and reads in the middle of a file.
    pub fn patch(path: String, at: u64, text: String) -> Result<String> {
        let patch = || {
            let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
            file.seek(SeekFrom::Start(at))?;
            file.write_all(text.as_bytes())?;
            let mut all = String::new();
            file.rewind()?;
            file.read_to_string(&mut all)?;
            Ok(all)
        };
        told(patch())
    }

    /// Writes this many bytes, and says how many there are then.
    pub fn fill(path: String, bytes: usize) -> Result<String> {
        let mut file = told(File::create(&path))?;
        let block = vec![b'x'; 64 << 10];
        let mut left = bytes;
        while left > 0 {
            let some = told(file.write(&block[..left.min(block.len())]))?;
            left -= some;
        }
        told(file.metadata()).map(|metadata| metadata.len().to_string())
    }

    pub fn set_size(path: String, bytes: u64) -> Result<String> {
        let set = || OpenOptions::new().write(true).create(true).truncate(false).open(&path)?.set_len(bytes);
        told(set()).map(|()| "set".to_owned())
    }

    /// The names in a folder, in order.
    pub fn list(path: String) -> Result<String> {
        let mut names = Vec::new();
        for entry in told(fs::read_dir(path))? {
            names.push(told(entry)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(json!(names).to_string())
    }

    pub fn make_folder(path: String) -> Result<String> {
        told(fs::create_dir(path)).map(|()| "made".to_owned())
    }

    pub fn remove(path: String) -> Result<String> {
        told(fs::remove_file(path)).map(|()| "removed".to_owned())
    }

    pub fn remove_folder(path: String) -> Result<String> {
        told(fs::remove_dir(path)).map(|()| "removed".to_owned())
    }

    pub fn rename(from: String, to: String) -> Result<String> {
        told(fs::rename(from, to)).map(|()| "renamed".to_owned())
    }

    pub fn link(from: String, to: String) -> Result<String> {
        told(fs::hard_link(from, to)).map(|()| "linked".to_owned())
    }

    #[expect(deprecated, reason = "the only one that is stable on every system")]
    pub fn symlink(target: String, path: String) -> Result<String> {
        told(fs::soft_link(target, path)).map(|()| "linked".to_owned())
    }

    pub fn read_link(path: String) -> Result<String> {
        told(fs::read_link(path)).map(|target| target.display().to_string())
    }

    /// What is at a path, without following a link.
    pub fn kind(path: String) -> Result<String> {
        told(fs::symlink_metadata(path)).map(|metadata| format!("{:?}", metadata.file_type()))
    }

    /// Makes empty files until that fails. Says how many it made, and why no more.
    pub fn litter(path: String, count: u32) -> String {
        for n in 0..count {
            if let Err(error) = File::create(format!("{path}/{n}")) {
                return json!({ "made": n, "error": error.to_string() }).to_string();
            }
        }
        json!({ "made": count }).to_string()
    }

    /// Makes folders in each other, each by a path of its own. Says how many it made, and why no more.
    pub fn dig(path: String, count: u32) -> String {
        let mut path = path;
        for n in 0..count {
            path += "/d";
            if let Err(error) = fs::create_dir(&path) {
                return json!({ "made": n, "error": error.to_string() }).to_string();
            }
        }
        json!({ "made": count }).to_string()
    }

    /// Opens a file again and again. Says how often, and why no more.
    pub fn hoard(path: String, count: u32) -> String {
        let mut files = Vec::new();
        for n in 0..count {
            match File::open(&path) {
                Ok(file) => files.push(file),
                Err(error) => return json!({ "opened": n, "error": error.to_string() }).to_string(),
            }
        }
        json!({ "opened": count }).to_string()
    }

    /// Writes files that lose their name while they are open. Says how many, and why no more.
    pub fn ghosts(path: String, count: u32, bytes: usize) -> String {
        let mut ghosts = Vec::new();
        let mut ghost = |n: u32| {
            let name = format!("{path}/{n}");
            let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&name)?;
            ghosts.push(file.try_clone().unwrap_or(File::open(&name)?));
            fs::remove_file(&name)?;
            file.write_all(&vec![b'g'; bytes])?;
            ghosts.push(file);
            Ok::<_, io::Error>(())
        };
        for n in 0..count {
            if let Err(error) = ghost(n) {
                return json!({ "made": n, "error": error.to_string() }).to_string();
            }
        }
        json!({ "made": count }).to_string()
    }

    /// Removes a file that it has open, and then says what is still to be read in it.
    pub fn read_removed(path: String) -> Result<String> {
        let read = || {
            let mut file = File::open(&path)?;
            fs::remove_file(&path)?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            Ok(text)
        };
        told(read())
    }
}
