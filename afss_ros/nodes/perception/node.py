"""perception_node: camera images in; detections, masks and diagnostics out.

A lifecycle node. configure loads, checks and warms up the student; activate subscribes; deactivate unsubscribes and
keeps the student; cleanup frees it. A new model is cleanup, `model.path`, configure. See docs/ros.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool

from afss_ros.camera import is_rectified
from afss_ros.monitor import Monitor, load_limits
from afss_ros.nodes.ignored_settings import ignored_qos
from afss_ros.nodes.image_input import Decoder, ImageInput, ImageMessage
from afss_ros.nodes.lifecycle import OperableLifecycleNode, transition
from afss_ros.nodes.perception import diagnostics, loading, modes, parameters, recording
from afss_ros.nodes.perception.background import Background
from afss_ros.nodes.perception.camera_check import CameraCheck
from afss_ros.nodes.perception.health.health import Health
from afss_ros.nodes.perception.health.idle import Arrivals
from afss_ros.nodes.perception.judging import Judge
from afss_ros.nodes.perception.loaded import Loaded
from afss_ros.nodes.perception.look_back import LookBack
from afss_ros.nodes.perception.on_demand import OnDemand
from afss_ros.nodes.perception.outputs import Outputs
from afss_ros.nodes.perception.pipeline import Pipeline
from afss_ros.nodes.perception.referring import Referring
from afss_ros.nodes.perception.reporting import Reports, model_facts
from afss_ros.nodes.perception.slot_flight import SlotFlight
from afss_ros.nodes.perception.tracks.packets import Packets
from afss_ros.nodes.perception.tracks.tracks import Tracks
from afss_ros.nodes.progress import InWork
from afss_ros.student import Student, slots


class PerceptionNode(OperableLifecycleNode):
    """Runs a student on every image it has time for.

    Args:
        ending: whether the process is about to end, asked while something takes long.
        give_up: called when a frame is stalled and the process is to be started anew.
        open_student: `Student`, or what gives one whose session is shared.
    """

    def __init__(
        self,
        *,
        ending: Callable[[], bool] = lambda: False,
        give_up: Callable[[], None] = lambda: None,
        open_student: Callable[..., Student] = Student,
        **kwargs: Any,
    ) -> None:
        super().__init__("perception_node", **kwargs)
        self.add_on_set_parameters_callback(self._check_parameters)
        parameters.declare(self)
        self.add_post_set_parameters_callback(self._apply_parameters)
        for name, meant in parameters.ignored_overrides(self).items():
            hint = f"; did you mean {meant}?" if meant else ""
            self.get_logger().warning(f"parameter {name} is not one of this node's and is ignored{hint}")
        self._settings = parameters.read(self)
        self._loaded = Loaded(lambda: self._settings, open_student, ending)
        self._outputs: Outputs | None = None
        self._pipeline: Pipeline | None = None
        self._input: ImageInput | None = None
        self._camera: CameraCheck | None = None
        self._decoder: Decoder | None = None
        self._ignored: tuple[str, ...] = ()
        self._recording: recording.Recording | None = None
        self._referring: Referring | None = None
        self._limits = load_limits()
        self._judge: Judge | None = None
        self._tracks: Tracks | None = None
        self._on_demand: OnDemand | None = None
        self._packets: Packets | None = None
        self._enabled = True
        self._ending = ending
        self._give_up = give_up
        self._failure = ""
        self._loading: InWork | None = None
        self._arrivals = Arrivals()
        self._health: Health | None = None
        self._background = Background(self)
        self._healing = False
        self._reports = Reports(self)
        self._slots = SlotFlight(
            self,
            self,
            root=lambda: self._settings.model_slots,
            trial_frames=lambda: self._settings.model_trial_frames,
        )
        self.create_service(SetBool, "~/enable", self._enable)
        modes.offer(self)
        # Steady time: a paused or absent /clock must not silence the diagnostics.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(self._settings.diagnostics_period, self._report_and_heal, clock=steady)
        if self._settings.autostart:
            self.start_by_itself()

    @transition
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._failure = ""
        settings = self._settings = parameters.read(self)
        try:
            if settings.model_slots:
                slots.end_trial(Path(settings.model_slots))
            student = self._loaded.load(self._while_loading)
            network = loading.load_network(settings)
        except loading.LoadError as error:
            self._failure = f"cannot configure: {error}"
            self.get_logger().error(self._failure)
            self._free()
            return TransitionCallbackReturn.FAILURE
        finally:
            self._loading = None
        self._outputs = Outputs(
            self,
            student.class_names,
            deadline_s=settings.detections_deadline,
            lease_s=settings.detections_liveliness_lease,
        )
        self._recording = recording.plan(self, settings, student.class_names)
        self._tracks = Tracks(
            self,
            student.class_names,
            settings=lambda: self._settings,
            camera_of=lambda stamp_ns: self._camera.at(stamp_ns) if self._camera is not None else None,
            rectified=lambda: self._input is not None and is_rectified(self._input.topic),
        )
        self._packets = Packets(self, lambda: self._settings, self._tracks)
        self._on_demand = OnDemand(self, self._loaded.keep_confidence, self._report_encoding)
        if settings.refer_resolver != "none":
            self._referring = Referring(self, student.class_names, network)
        self.get_logger().info(f"{student.contract.family} on {student.provider} is ready")
        return super().on_configure(state)

    @transition
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        student = self._loaded.student
        assert student is not None and self._outputs is not None
        result = super().on_activate(state)
        health = self._health = Health(
            student,
            self._loaded.all,
            settings=lambda: self._settings,
            warm_up_ms=self._loaded.warm_up_ms,
            free_s=self._arrivals.free_s,
            frames=lambda: self._reports.statistics.processed,
        )
        self._outputs.publish_label_info(self._settings.detection_score_threshold)
        self._camera = CameraCheck(self)
        if self._recording is not None:
            self._recording.start(lambda: self._settings, self._camera)
        if self._on_demand is not None:
            self._on_demand.start()
        self._decoder = Decoder(lambda: self._settings.input_grey_bits)
        monitor = Monitor(self._limits, frozen_after_s=self._settings.monitor_frozen_after)
        self._judge = Judge(
            lambda: self._settings.detection_score_threshold,
            monitor,
            pictures_per_s=lambda: self._settings.monitor_max_rate,
            suspect=lambda: health.suspect,
        )
        self._pipeline = Pipeline(
            student,
            self._outputs,
            self._reports.statistics,
            self.get_clock(),
            self.get_logger(),
            overlay_alpha=lambda: self._settings.overlay_alpha,
            check_size=self._camera.see_image,
            look_back=LookBack(self._judge, self._outputs, self._recording, self.get_logger(), self._packets),
            refer=self._referring,
            idle=health.idle,
            distrust=health.distrust,
            decode=self._decoder,
            tracks=self._tracks,
            on_demand=self._on_demand,
            period_s=lambda: modes.period_s(self._settings),
        )
        self._take_mode()
        return result

    @transition
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        return super().on_deactivate(state)

    @transition
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._free()
        return super().on_cleanup(state)

    @transition
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._free()
        return super().on_shutdown(state)

    @transition
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._free()
        return super().on_error(state)

    def close(self) -> None:
        """Stop the threads and free the student, in any state."""
        self._free()
        self._background.finish(self._settings.watchdog_stop_limit)

    def transition_failed(self, reason: str) -> None:
        self._failure = reason

    def _while_loading(self, age_s: float) -> bool:
        """Keep /diagnostics speaking: the executor is held up in configure."""
        self._loading = InWork(loading.NAME, age_s)
        if self._reports.age_s >= self._settings.diagnostics_period:
            self._report()
        return not self._ending()

    def _open_input(self) -> None:
        assert self._pipeline is not None
        self._reports.statistics.listen()
        self._input = ImageInput(
            self,
            transport=self._settings.input_image_transport,
            reliability=self._settings.input_reliability,
            on_image=self._take,
        )
        self.get_logger().info(f"listening on {self._input.topic}")
        instead = {f"qos_overrides.{self._input.topic}.subscription.reliability": "set input.reliability"}
        ignored = tuple(ignored_qos(self, instead))
        for sentence in set(ignored).difference(self._ignored):
            self.get_logger().warning(sentence)
        self._ignored = ignored

    def _take(self, message: ImageMessage) -> None:
        assert self._pipeline is not None
        self._arrivals.arrived()
        self._pipeline.submit(message)

    async def _heal(self, health: Health, reason: str) -> None:
        """Load the student anew, from its file, else the other slot; failing both, be unconfigured and in error."""
        self.get_logger().error(f"{reason}; loading it anew")
        spare_too = self._loaded.spare is not None and bool(health.memory_failure)
        if health.memory_failure:
            for student in self._loaded.all:
                student.distrust()
        try:
            fresh = await self._background.run(loading.NAME, self._loaded.reloader(spare_too=spare_too))
        except loading.LoadError as error:
            if self._health is not health:
                return
            self.trigger_deactivate()
            self.trigger_cleanup()
            self._failure = f"{reason}; and loading it anew failed: {error}"
            self.get_logger().fatal(self._failure)
            return
        finally:
            self._healing = False
        before = self._loaded.student
        if self._health is not health or before is None or self._pipeline is None:
            fresh.student.close()  # the node was deactivated meanwhile
            return
        self._loaded.student, self._loaded.warm_up_ms = fresh.student, fresh.warm_up_ms
        self._loaded.spare = fresh.spare or self._loaded.spare
        self._fly(self._pipeline)
        health.go_on_with(fresh.student, self._loaded.all, healed_of=reason)
        before.close()
        self.get_logger().warning(health.warning)
        self._report()

    def _report_encoding(self, error: Exception) -> None:
        self.get_logger().error(f"no compressed mask: {error}", throttle_duration_sec=5.0)

    def _take_mode(self) -> None:
        """Do as much as the mode asks for, in an active node."""
        if self._pipeline is None or self._loaded.student is None:
            return
        if not self._enabled or self._settings.power_mode == modes.OFF:
            self._close_input()
        elif self._input is None:
            self._open_input()
        self._fly(self._pipeline)

    def _fly(self, pipeline: Pipeline) -> None:
        """Let the right one see the frames that follow."""
        pipeline.go_on_with(self._loaded.seeing(self._slots.trial))

    def flying(self) -> Student | None:
        """The student that sees frames now; None while the node is not active."""
        return self._loaded.student if self._pipeline is not None else None

    @property
    def busy(self) -> str:
        """What is being loaded; empty for nothing."""
        return self._background.busy

    async def load_anew(self, model: Path) -> Student:
        """This student, once it has given its known answer; raises what `loading.load` does."""
        student, self._loaded.warm_up_ms = await self._background.run(loading.NAME, self._loaded.loader(model))
        return student

    def change_to(self, student: Student) -> None:
        """Let a student see the frames that follow."""
        before = self._loaded.student
        assert before is not None and self._pipeline is not None and self._health is not None
        self._loaded.student = student
        self._fly(self._pipeline)
        self._health.go_on_with(student, self._loaded.all)
        before.close()

    def _close_input(self) -> None:
        if self._input is not None:
            self._input.close()
            self._input = None

    def _stop(self) -> None:
        self._close_input()
        self._slots.forget()
        if self._pipeline is not None:
            if left := self._pipeline.stop(self._settings.watchdog_stop_limit):
                self._failure = f"left behind, for it does not end: {', '.join(left)}; start the process anew"
                self.get_logger().error(self._failure)
            self._pipeline = None
            self._health = None
            self._judge = None
        if self._on_demand is not None:
            self._on_demand.stop(self._settings.watchdog_stop_limit)
        if self._recording is not None:
            self._recording.stop()
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _free(self) -> None:
        self._stop()
        self._recording = None
        for made in (self._outputs, self._packets, self._tracks, self._on_demand, self._referring):
            if made is not None:
                made.close()
        self._outputs = self._packets = self._tracks = self._on_demand = self._referring = None
        self._loaded.close()

    def _enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._enabled = bool(request.data)
        self._take_mode()
        response.success = True
        response.message = f"{'enabled' if self._enabled else 'disabled'}; the node is {self.state_label}"
        self.get_logger().info(response.message)
        return response

    def _check_parameters(self, changed: list[Parameter]) -> SetParametersResult:
        return parameters.check(changed, state=self.state_label)

    def _apply_parameters(self, changed: list[Parameter]) -> None:
        self._settings = parameters.read(self)
        if self._tracks is not None:
            self._tracks.prepare()
        self._loaded.set_thresholds()
        if any(p.name == modes.PARAMETER for p in changed):
            self._take_mode()
        if self._outputs is not None and any(p.name == "detection.score_threshold" for p in changed):
            self._outputs.publish_label_info(self._settings.detection_score_threshold)

    def _report_and_heal(self) -> None:
        self._report()
        if self._health is None or self._background.busy or self._healing:
            return
        damage = self._health.failure
        if reason := self._slots.judge(damage) or damage:
            self._healing = True
            self.executor.create_task(self._heal, self._health, reason)

    def _report(self) -> None:
        condition = diagnostics.Condition(
            state=self.state_label,
            enabled=self._enabled,
            mode=self._settings.power_mode,
            failure=self._failure or (self._health.failure if self._health is not None else ""),
            topic=self._input.topic if self._input is not None else "",
            stale_after_s=self._settings.diagnostics_stale_after,
            warning=self._doubt(),
            camera_conflict=self._camera.conflict if self._camera is not None else "",
            model=(
                *model_facts(self._loaded.student),
                *(self._health.facts if self._health is not None else ()),
                *((("model.loading", self.busy),) if self.busy else ()),
                *self._slots.facts,
            ),
            publishers=self._input.publishers() if self._input is not None else 0,
            input_fault=self._input_fault(),
            judged=self._judge.facts if self._judge is not None else (),
            picture_fault=self._judge.complaint() if self._judge is not None else "",
            ignored=self._ignored,
            hard_frames=self._recording.facts if self._recording is not None else (),
            recording_failure=self._recording.failure if self._recording is not None else "",
            referred=self._referring.facts if self._referring is not None else (),
            query_fault=self._referring.refused if self._referring is not None else "",
            more=self._packets.facts if self._packets is not None else (),
            in_work=self._pipeline.in_work if self._pipeline is not None else self._loading,
            work_limit_s=self._loaded.frame_limit_s(),
            deadlines_missed=self._outputs.deadlines_missed if self._outputs is not None else 0,
        )
        self._reports.send(condition)
        if condition.stalled_for_good and self._settings.watchdog_exit:
            self.get_logger().fatal(f"a frame is {condition.in_work}: ending, to be started anew")
            self._give_up()

    def _doubt(self) -> str:
        healed = self._health.warning if self._health is not None else ""
        fault = self._pipeline.fault if self._pipeline is not None else ""
        student = self._loaded.student
        return "; ".join(filter(None, (fault, healed, student.warning if student is not None else "")))

    def _input_fault(self) -> str:
        fault = self._input.fault() if self._input is not None else ""
        return fault or (self._decoder.fault if self._decoder is not None else "")
