"""Run one worker of housing."""

from services.chassis.service import run
from services.housing.app import service

run(service)
