"""The two slots in flight: activated and rolled back by service, tried on the first frames, rolled back by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from rclpy.node import Node
from std_srvs.srv import Trigger

from afss_ros.nodes.perception.loading import LoadError
from afss_ros.nodes.perception.trial import Trial
from afss_ros.student import Student, StudentError, slots


class Flight(Protocol):
    """What flies, as far as the slots have a say in it."""

    def flying(self) -> Student | None:
        """The student that sees frames now; None while the node is not active."""

    def load_anew(self, model: Path) -> Student:
        """This student, once it has given its known answer; raises one of LoadError."""

    def change_to(self, student: Student) -> None:
        """Let a student see the frames that follow, through the trial if there is one."""


class SlotFlight:
    """Serves ~/activate_slot and ~/roll_back_slot.

    Args:
        root: folder of the slots, read each time; "" for none.
        trial_frames: frames of a trial, read each time.

    Attributes:
        trial: of the slot just activated; None while none is on trial.
    """

    def __init__(self, node: Node, flight: Flight, *, root: Callable[[], str], trial_frames: Callable[[], int]) -> None:
        self._node = node
        self._flight = flight
        self._root = root
        self._trial_frames = trial_frames
        self.trial: Trial | None = None
        node.create_service(Trigger, "~/activate_slot", self._activate)
        node.create_service(Trigger, "~/roll_back_slot", self._roll_back)

    def forget(self) -> None:
        """The node stops: what is on trial is not confirmed."""
        if self.trial is not None:
            self.trial = None
            slots.end_trial(Path(self._root()))

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """For /diagnostics."""
        return () if self.trial is None else (("model.trial", "not failed yet, not confirmed"),)

    def judge(self, distrust: str) -> str:
        """Confirm the slot on trial, or end the trial.

        Args:
            distrust: why the student is not itself any more.

        Returns:
            Why what flew before is to be loaded again; "" if it is not.
        """
        if self.trial is None:
            return ""
        try:
            if reason := self.trial.failure or distrust:
                self.trial = None
                slots.end_trial(Path(self._root()))
                return f"the slot on trial was rolled back: {reason}"
            if self.trial.passed:
                slots.confirm(Path(self._root()))
                self.trial = None
                self._node.get_logger().info("the slot on trial is confirmed")
        except LoadError as error:
            # Not on the disk, but what flew before is still chosen there: the next start flies it.
            self.trial = None
            return f"the choice of a slot cannot be written: {error}"
        return ""

    def _activate(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return self._answer(response, self._try_other)

    def _roll_back(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return self._answer(response, self._go_back)

    def _answer(self, response: Trigger.Response, act: Callable[[Path, Student], str]) -> Trigger.Response:
        flying, root = self._flight.flying(), self._root()
        try:
            if not root:
                raise StudentError("the node has no slots; set model.slots and configure it")
            if flying is None:
                raise StudentError("no student flies; activate the node first")
            response.message = act(Path(root), flying)
            response.success = True
            self._node.get_logger().info(response.message)
        except LoadError as error:
            response.message = str(error)
            self._node.get_logger().error(response.message)
        return response

    def _try_other(self, root: Path, flying: Student) -> str:
        path = slots.begin_trial(root)
        try:
            student = self._flight.load_anew(path)
            if wrong := _unfit(student, flying):
                student.close()
                raise StudentError(f"{path} is not activated: {wrong}")
        except BaseException:
            slots.end_trial(root)
            raise
        self.trial = Trial(student, self._trial_frames())
        self._flight.change_to(student)
        return f"slot {path.parent.name} is on trial for {self._trial_frames()} frames"

    def _go_back(self, root: Path, flying: Student) -> str:
        if self.trial is not None:
            self.trial.failure = "asked for by service"
            return "the slot on trial is rolled back"
        name = slots.other(slots.state(root).active)
        if wrong := slots.fault(root, name):
            raise StudentError(f"cannot go back to slot {name}: {wrong}")
        student = self._flight.load_anew(slots.model_path(root, name))
        if student.class_names != flying.class_names:
            student.close()
            raise StudentError(f"slot {name} has other classes; clean up and configure the node with it")
        slots.roll_back(root)
        self._flight.change_to(student)
        return f"slot {name} flies again"


def _unfit(student: Student, flying: Student) -> str:
    if student.manifest is None or student.manifest.known_answer is None:
        return "its manifest has no known answer; make one: afss manifest MODEL --image PICTURE"
    if student.class_names != flying.class_names:
        return "it has other classes than what flies; clean up and configure the node with it"
    return ""
