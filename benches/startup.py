"""Seconds from the program's start to a face on screen, and to a face that follows a slider, seen from outside.

Starts the program in a window of its own on a virtual display (Xvfb), looks at the screen as fast as it can, and drags the
first slider with real mouse events from the moment on when a portrait is there.

    pip install mss python-xlib numpy
    python benches/startup.py target/release/morphospace [--session FILE]
"""

import argparse
import json
import os
import subprocess
import tempfile
import time

import mss
import numpy
from Xlib import X, display
from Xlib.ext import xtest

# Where things are in a window of 1440 by 900 at its first start.
PICTURE = {"left": 1160, "top": 140, "width": 190, "height": 190}
SLIDER = (1262, 597)


def once(program, session, number):
    screen = f":{number}"
    server = subprocess.Popen(
        ["Xvfb", screen, "-screen", "0", "1440x900x24", "-nolisten", "tcp"], stderr=subprocess.DEVNULL
    )
    try:
        while not os.path.exists(f"/tmp/.X11-unix/X{number}"):
            time.sleep(0.02)
        time.sleep(0.3)
        with tempfile.TemporaryDirectory() as home, mss.MSS(display=screen) as camera:
            connection = display.Display(screen)
            environment = os.environ | {"DISPLAY": screen, "HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
            environment.pop("WAYLAND_DISPLAY", None)
            start = time.perf_counter()
            command = [program] + (session and ["--session", session] or [])
            running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                return watch(camera, connection, start)
            finally:
                running.kill()
                running.wait()
    finally:
        server.kill()
        server.wait()


def watch(camera, connection, start):
    def look():
        return numpy.asarray(camera.grab(PICTURE))[:, :, :3].astype(int)

    def mouse(kind, detail=0, x=0, y=0):
        xtest.fake_input(connection, kind, detail=detail, x=x, y=y)
        connection.sync()

    # A portrait has many colours; an empty panel has few.
    while (face := look()).std() < 25:
        if time.perf_counter() - start > 60:
            raise SystemExit("no face came")
    shown = time.perf_counter() - start
    x, y = SLIDER
    mouse(X.MotionNotify, x=x, y=y)
    mouse(X.ButtonPress, detail=1)
    moved = 0
    while abs(look() - face).mean() < 2.0:
        moved += 4
        mouse(X.MotionNotify, x=x + moved % 60, y=y)
        time.sleep(0.008)
        if time.perf_counter() - start > 60:
            raise SystemExit("the face did not follow")
    return {"face_secs": round(shown, 2), "follows_secs": round(time.perf_counter() - start, 2)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--session", help="a session file to bring back, instead of a first start")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    runs = [once(arguments.program, arguments.session, 90 + i) for i in range(arguments.runs)]
    for key in runs[0]:
        values = sorted(run[key] for run in runs)
        print(json.dumps({key: {"median": values[len(values) // 2], "all": values}}))
