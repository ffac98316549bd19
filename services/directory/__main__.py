"""Run one worker of directory."""

from services.chassis.service import run
from services.directory.app import service

run(service)
