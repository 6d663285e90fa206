//! The client of a vector database, against an exchange written down after the server's description of its REST interface
//! (version 1.17): a small server checks each request and replays the answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use morphospace::progress::Progress;
use morphospace::retrieval::Space;
use morphospace::retrieval::remote::Collection;
use serde_json::{Value, json};

/// A request that is expected, with its body, and the answer to it.
type Exchange = (&'static str, Option<Value>, u16, String);

/// Replays `exchanges` in order; what is returned says at which address, and ends when all are done.
fn server(exchanges: Vec<Exchange>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let handle = std::thread::spawn(move || {
        for (line, body, status, answer) in exchanges {
            let (stream, _) = listener.accept().expect("a client");
            let mut reader = BufReader::new(stream);
            let mut first = String::new();
            reader.read_line(&mut first).expect("a request");
            assert_eq!(first.trim_end(), format!("{line} HTTP/1.1"));
            let (mut length, mut has_key) = (0, false);
            loop {
                let mut header = String::new();
                reader.read_line(&mut header).expect("a header");
                let header = header.trim_end().to_lowercase();
                if header.is_empty() {
                    break;
                }
                if let Some(value) = header.strip_prefix("content-length: ") {
                    length = value.parse().expect("a length");
                }
                has_key |= header == "api-key: sesame";
            }
            assert!(has_key, "the key is shown");
            let mut sent = vec![0; length];
            reader.read_exact(&mut sent).expect("a body");
            if let Some(expected) = body {
                let sent: Value = serde_json::from_slice(&sent).expect("JSON");
                assert_eq!(sent, expected);
            }
            let mut stream = reader.into_inner();
            write!(
                stream,
                "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
                answer.len()
            )
            .expect("an answer");
        }
    });
    (format!("http://{address}/collections/faces"), handle)
}

fn about(distance: &str) -> Exchange {
    let answer = json!({
        "result": {
            "status": "green", "optimizer_status": "ok", "indexed_vectors_count": 0, "points_count": 4, "segments_count": 2,
            "config": { "params": { "vectors": { "size": 2, "distance": distance }, "shard_number": 1 } },
            "payload_schema": {},
        },
        "status": "ok", "time": 0.000_1,
    });
    ("GET /collections/faces", None, 200, answer.to_string())
}

fn open(url: &str) -> morphospace::Result<Collection> {
    Collection::open(url, Some("sesame".into()))
}

#[test]
fn queries_are_asked_in_the_servers_words_and_answers_understood() {
    let asked = json!({ "searches": [
        { "query": [0.5, 1.0], "limit": 2, "params": { "exact": true }, "with_payload": false,
          "filter": { "must_not": [{ "has_id": [3] }] } },
        { "query": [0.0, -2.0], "limit": 2, "params": { "exact": true }, "with_payload": false,
          "filter": { "must_not": [{ "has_id": [0] }] } },
    ] });
    let answer = json!({
        "result": [
            { "points": [{ "id": 1, "version": 0, "score": 0.25 }, { "id": 0, "version": 0, "score": 1.5 }] },
            { "points": [{ "id": 2, "version": 0, "score": 0.0 }, { "id": 3, "version": 0, "score": 4.0 }] },
        ],
        "status": "ok", "time": 0.002,
    });
    let busy = json!({ "status": { "error": "Service is overloaded" }, "time": 0.0 });
    let path = "POST /collections/faces/points/query/batch";
    let (url, server) = server(vec![
        about("Euclid"),
        (path, Some(asked.clone()), 503, busy.to_string()),
        (path, Some(asked), 200, answer.to_string()),
    ]);
    let collection = open(&format!("{url}/")).expect("a collection");
    assert_eq!(
        (collection.dims(), collection.points(), collection.space()),
        (2, 4, Space::Code)
    );
    let queries = [0.5, 1.0, 0.0, -2.0];
    let found = collection
        .nearest(&queries, 2, Some(&[3, 0]), true, &Progress::silent())
        .expect("neighbours");
    assert_eq!(found.ids, [1, 0, 2, 3]);
    assert_eq!(found.distances, [0.25, 1.5, 0.0, 4.0]);
    server.join().expect("every request was as it should be");
}

#[test]
fn cosines_become_distances_and_what_cannot_be_right_is_refused() {
    let path = "POST /collections/faces/points/query/batch";
    let with =
        |points: Value| json!({ "result": [{ "points": points }], "status": "ok" }).to_string();
    let (url, server) = server(vec![
        about("Cosine"),
        (path, None, 200, with(json!([{ "id": 1, "score": 0.75 }]))),
        (path, None, 200, with(json!([]))),
        (
            path,
            None,
            200,
            with(json!([{ "id": "5c56c793-69f3-4fbf-87e6-c4bf54c28c26", "score": 0.5 }])),
        ),
        (path, None, 200, "<html>".into()),
    ]);
    let collection = open(&url).expect("a collection");
    let ask = || collection.nearest(&[1.0, 0.0], 1, None, true, &Progress::silent());
    let found = ask().expect("neighbours");
    assert_eq!((found.ids, found.distances), (vec![1], vec![0.25]));
    for what in ["another number of neighbours", "not numbered", "no JSON"] {
        let error = ask().expect_err(what).to_string();
        assert!(error.contains(what) && !error.contains('\n'), "{error}");
    }
    let error = collection.nearest(&[1.0; 3], 1, None, true, &Progress::silent());
    assert!(error.is_err(), "queries of another size");
    server.join().expect("every request was as it should be");
}

#[test]
fn a_missing_collection_another_metric_and_no_server_are_told() {
    let missing = json!({ "status": { "error": "Not found: Collection `faces` doesn't exist!" }, "time": 0.0 });
    let (url, first) = server(vec![
        ("GET /collections/faces", None, 404, missing.to_string()),
        about("Dot"),
    ]);
    for what in ["doesn't exist", "by Dot"] {
        let error = open(&url).expect_err(what).to_string();
        assert!(error.contains(what), "{error}");
    }
    first.join().expect("every request was as it should be");
    let error = open(&url).expect_err("nobody listens any more");
    assert!(
        error.is_file() && error.to_string().contains("cannot be reached"),
        "{error}"
    );
    assert!(open("http://localhost:6333").is_err_and(|e| e.is_usage()));
}
