"""The two slots in flight: activated and rolled back by service, tried on the first frames, rolled back by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from std_srvs.srv import Trigger

from afss_ros.nodes.perception.loading import LoadError
from afss_ros.nodes.perception.trial import Trial
from afss_ros.student import Student, StudentError, slots


class Flight(Protocol):
    """What flies, as far as the slots have a say in it."""

    def flying(self) -> Student | None:
        """The student that sees frames now; None while the node is not active."""

    @property
    def busy(self) -> str:
        """Why no student can be loaded now; empty when one can."""

    async def load_anew(self, model: Path) -> Student:
        """This student, once it has given its known answer; raises one of LoadError. Frames are served meanwhile."""

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
        # Of their own: while one of them waits for a student, all else in the node goes on.
        group = MutuallyExclusiveCallbackGroup()
        node.create_service(Trigger, "~/activate_slot", self._activate, callback_group=group)
        node.create_service(Trigger, "~/roll_back_slot", self._roll_back, callback_group=group)

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

    async def _activate(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return await self._answer(response, self._try_other)

    async def _roll_back(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return await self._answer(response, self._go_back)

    async def _answer(self, response: Trigger.Response, act: Callable[[Path], Awaitable[str]]) -> Trigger.Response:
        root = self._root()
        try:
            if not root:
                raise StudentError("the node has no slots; set model.slots and configure it")
            self._flying()
            if self._flight.busy:
                raise StudentError(f"{self._flight.busy}: call again when that is done")
            response.message = await act(Path(root))
            response.success = True
            self._node.get_logger().info(response.message)
        except LoadError as error:
            response.message = str(error)
            self._node.get_logger().error(response.message)
        return response

    def _flying(self) -> Student:
        flying = self._flight.flying()
        if flying is None:
            raise StudentError("no student flies; activate the node first")
        return flying

    async def _fitting(self, path: Path, fault: Callable[[Student, Student], str]) -> Student:
        """The student at `path`, if it fits what flies when it is loaded."""
        student = await self._flight.load_anew(path)
        try:
            if wrong := fault(student, self._flying()):
                raise StudentError(f"{path} is not activated: {wrong}")
        except StudentError:
            student.close()
            raise
        return student

    async def _try_other(self, root: Path) -> str:
        path = slots.begin_trial(root)
        try:
            student = await self._fitting(path, _unfit)
        except BaseException:
            slots.end_trial(root)
            raise
        self.trial = Trial(student, self._trial_frames())
        self._flight.change_to(student)
        return f"slot {path.parent.name} is on trial for {self._trial_frames()} frames"

    async def _go_back(self, root: Path) -> str:
        if self.trial is not None:
            self.trial.failure = "asked for by service"
            return "the slot on trial is rolled back"
        name = slots.other(slots.state(root).active)
        if wrong := slots.fault(root, name):
            raise StudentError(f"cannot go back to slot {name}: {wrong}")
        student = await self._fitting(slots.model_path(root, name), _other_classes)
        slots.roll_back(root)
        self._flight.change_to(student)
        return f"slot {name} flies again"


def _unfit(student: Student, flying: Student) -> str:
    if student.manifest is None or student.manifest.known_answer is None:
        return "its manifest has no known answer; make one: afss manifest MODEL --image PICTURE"
    return _other_classes(student, flying)


def _other_classes(student: Student, flying: Student) -> str:
    if student.class_names == flying.class_names:
        return ""
    return "it has other classes than what flies; clean up and configure the node with it"
