//! Code search in a collection of a Qdrant server, by its REST interface: for galleries that do not fit one machine.
//!
//! Invariant: point `i` of the collection is item `i` of the gallery; what the server answers is checked before it is used.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Neighbours, Space};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Queries asked for at once.
const BATCH: usize = 64;
/// How long a connection and a whole answer may take.
const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_mins(1);
/// How often a request is tried, and how long it waits before the second time; before each further one, four times as long.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// Bytes of an answer that are read.
const LONGEST: u64 = 64 << 20;

/// A collection of vectors on a server.
#[derive(Debug)]
pub struct Collection {
    agent: ureq::Agent,
    url: String,
    key: Option<String>,
    dims: usize,
    points: u64,
    space: Space,
}

impl Collection {
    /// The collection at `url`, such as `http://localhost:6333/collections/faces`; `key` is what the server may want to see.
    ///
    /// # Errors
    /// When the server does not answer in time, has no such collection, or compares its vectors in a way that no space does.
    pub fn open(url: &str, key: Option<String>) -> Result<Self> {
        let url = url.trim_end_matches('/').to_owned();
        let name = url.rsplit_once("/collections/").map(|(_, name)| name);
        if !name.is_some_and(|name| !name.is_empty() && !name.contains('/')) {
            return Err(Error::usage(format!("{url} names no collection"))
                .hint("write http://localhost:6333/collections/NAME"));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(ANSWER))
            .proxy(None)
            .build();
        let mut found = Self {
            agent: config.into(),
            url,
            key,
            dims: 0,
            points: 0,
            space: Space::Code,
        };
        let about = found.ask("", None, &Progress::silent())?;
        let result = &about["result"];
        let vectors = &result["config"]["params"]["vectors"];
        let (Some(dims), Some(metric)) = (vectors["size"].as_u64(), vectors["distance"].as_str())
        else {
            return Err(found
                .error("has no single vector per point")
                .hint("make the collection with one unnamed vector of the code's size"));
        };
        found.space = match metric {
            "Euclid" => Space::Code,
            "Cosine" => Space::CodeCosine,
            other => {
                return Err(found
                    .error(format!("compares its vectors by {other}"))
                    .hint("make the collection with Euclid or Cosine"));
            }
        };
        found.dims = dims as usize;
        found.points = result["points_count"].as_u64().unwrap_or(0);
        if found.points == 0 {
            return Err(found
                .error("holds no points")
                .hint("fill it with the gallery's codes"));
        }
        Ok(found)
    }

    /// Numbers of each vector.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Vectors in it.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.points
    }

    /// Where it measures: codes, or their cosine.
    #[must_use]
    pub fn space(&self) -> Space {
        self.space
    }

    /// The `k` points nearest to each of `queries`, `[q, d]` row by row. With `left_out`, one point per query, that one is not
    /// among its neighbours. The server is asked for the exact answer, or where not `is_exact` for what its own index finds.
    ///
    /// # Errors
    /// When the queries do not fit, the server does not answer or answers what cannot be right, or `is_cancelled`.
    pub fn nearest(
        &self,
        queries: &[f32],
        k: usize,
        left_out: Option<&[u32]>,
        is_exact: bool,
        progress: &Progress,
    ) -> Result<Neighbours> {
        let start = Instant::now();
        if !queries.len().is_multiple_of(self.dims) {
            return Err(self.error(format!(
                "holds vectors of {} numbers, the queries have others",
                self.dims
            )));
        }
        let count = queries.len() / self.dims;
        if left_out.is_some_and(|ids| ids.len() != count) {
            return Err(Error::usage(format!(
                "another number of items to leave out than the {count} queries"
            )));
        }
        let available = self.points - u64::from(left_out.is_some());
        let k = k.min(usize::try_from(available).unwrap_or(usize::MAX));
        let (mut ids, mut distances) = (Vec::new(), Vec::new());
        for (batch, rows) in queries.chunks(BATCH * self.dims).enumerate() {
            progress.update(batch * BATCH, count)?;
            let one = |(i, row): (usize, &[f32])| {
                let mut search = json!({
                    "query": row,
                    "limit": k,
                    "params": { "exact": is_exact },
                    "with_payload": false,
                });
                if let Some(own) = left_out {
                    let own = own[batch * BATCH + i];
                    search["filter"] = json!({ "must_not": [{ "has_id": [own] }] });
                }
                search
            };
            let searches: Vec<Value> = rows.chunks(self.dims).enumerate().map(one).collect();
            let asked = searches.len();
            let body = json!({ "searches": searches }).to_string();
            let answer = self.ask("/points/query/batch", Some(&body), progress)?;
            let results = answer["result"].as_array().filter(|r| r.len() == asked);
            for result in results.ok_or_else(|| self.error("answers something else than asked"))? {
                let points = result["points"].as_array().filter(|p| p.len() == k);
                let points = points.ok_or_else(|| {
                    self.error(format!("gives another number of neighbours than {k}"))
                })?;
                for point in points {
                    let id = point["id"].as_u64().and_then(|id| u32::try_from(id).ok());
                    let (Some(id), Some(score)) = (id, point["score"].as_f64()) else {
                        return Err(self
                            .error("has points that are not numbered as the gallery's items are")
                            .hint("fill it again with the ids 0, 1, 2 and so on"));
                    };
                    ids.push(id);
                    distances.push(match self.space {
                        Space::CodeCosine => 1.0 - score as f32,
                        _ => score as f32,
                    });
                }
            }
        }
        progress.update(count, count)?;
        Ok(Neighbours {
            k,
            ids,
            distances,
            space: self.space,
            secs: start.elapsed().as_secs_f64(),
        })
    }

    /// Sends one request, again where the server may only be busy, and reads the answer.
    fn ask(&self, path: &str, body: Option<&str>, progress: &Progress) -> Result<Value> {
        let mut pause = PAUSE;
        let mut last = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                std::thread::sleep(pause);
                pause *= 4;
            }
            if progress.is_cancelled() {
                return Err(Error::cancelled());
            }
            match self.send(path, body) {
                Ok((status, text)) if (200..300).contains(&status) => {
                    return serde_json::from_str(&text)
                        .map_err(|e| self.error(format!("answers what is no JSON: {e}")));
                }
                Ok((status, text)) => {
                    let said: Value = serde_json::from_str(&text).unwrap_or_default();
                    let said = said["status"]["error"]
                        .as_str()
                        .unwrap_or("no reason given");
                    last = format!("refuses with status {status}: {}", one_line(said));
                    if !matches!(status, 429 | 500..) {
                        let hint = match status {
                            401 | 403 => "set MORPHOSPACE_QDRANT_KEY to the server's key",
                            _ => "check the collection's name and what is in it",
                        };
                        return Err(self.error(last).hint(hint));
                    }
                }
                Err(error) => last = format!("cannot be reached: {}", one_line(&error.to_string())),
            }
        }
        Err(self
            .error(format!("{last}, tried {TRIES} times"))
            .hint("start the server or check the address"))
    }

    fn send(&self, path: &str, body: Option<&str>) -> Result<(u16, String), ureq::Error> {
        let url = format!("{}{path}", self.url);
        let key = self.key.as_deref();
        let mut answer = match body {
            None => {
                let mut request = self.agent.get(&url);
                if let Some(key) = key {
                    request = request.header("api-key", key);
                }
                request.call()?
            }
            Some(body) => {
                let mut request = self
                    .agent
                    .post(&url)
                    .header("content-type", "application/json");
                if let Some(key) = key {
                    request = request.header("api-key", key);
                }
                request.send(body)?
            }
        };
        let status = answer.status().as_u16();
        let text = answer
            .body_mut()
            .with_config()
            .limit(LONGEST)
            .read_to_string()?;
        Ok((status, text))
    }

    fn error(&self, reason: impl Into<String>) -> Error {
        Error::file(&self.url, reason)
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
