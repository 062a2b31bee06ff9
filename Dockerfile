# afss_ros as images: `onboard`, what flies, and `ground`, with rendering, labelling, training and evaluation.
#
#   docker build --target onboard -t afss_ros:onboard .
#   docker build --target ground -t afss_ros:ground .
#   docker build --target onboard -t afss_ros:jazzy --build-arg BASE=ros:jazzy-ros-base .     over a real ROS 2
#
# Without ROS in the base, ROS 2 comes as wheels (x86_64). docs/docker.md says how to run them.

ARG BASE=debian:13-slim

# What both stages of an image have: the base, and the Python that its environment was made with.
FROM ${BASE} AS runtime
ENV DEBIAN_FRONTEND=noninteractive \
    LANG=C.UTF-8
# Versions are those of the base's release, which its tag pins.
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends python3 \
        ${ROS_DISTRO:+python3-venv ros-$ROS_DISTRO-cv-bridge ros-$ROS_DISTRO-vision-msgs} \
    && rm -rf /var/lib/apt/lists/*

# Where the environment is made: with compilers for the vision_msgs bindings, which the wheels of ROS lack.
FROM runtime AS build
# hadolint ignore=DL3008
RUN if [ -z "${ROS_DISTRO:-}" ]; then \
        apt-get update -qq \
        && apt-get install -qq --yes --no-install-recommends ca-certificates g++ python3-dev python3-venv \
        && rm -rf /var/lib/apt/lists/*; \
    fi
WORKDIR /opt/afss_ros
COPY . .
# As root and for everybody, without pip's and uv's caches in a layer; compiled, because the user who runs it cannot.
ENV PIP_ROOT_USER_ACTION=ignore \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy

FROM build AS build-onboard
RUN --mount=type=cache,target=/root/.cache,sharing=locked scripts/image.sh onboard

FROM build AS build-ground
RUN --mount=type=cache,target=/root/.cache,sharing=locked scripts/image.sh ground

# What runs: no compiler, no pip, a user without rights.
FROM runtime AS afss
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="afss_ros" \
      org.opencontainers.image.description="Finds spacecraft and their parts in camera images, over ROS 2" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV AFSS_ROS_IMAGE=1 \
    AMENT_PREFIX_PATH=/opt/afss_ros/.venv \
    FASTDDS_DEFAULT_PROFILES_FILE=/opt/afss_ros/config/fastdds.xml \
    FASTRTPS_DEFAULT_PROFILES_FILE=/opt/afss_ros/config/fastdds.xml \
    PATH=/opt/afss_ros/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ROS_LOG_DIR=/tmp/ros_log
RUN useradd --create-home --user-group --uid 10001 afss \
    && install --directory --owner=afss --group=afss /data
WORKDIR /data
ENTRYPOINT ["/opt/afss_ros/scripts/entrypoint.sh"]
CMD ["afss", "--help"]

FROM afss AS ground
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends libegl1 libgl1 libgl1-mesa-dri \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-ground /opt/afss_ros /opt/afss_ros
USER 10001:10001

FROM afss AS onboard
COPY --from=build-onboard /opt/afss_ros /opt/afss_ros
USER 10001:10001
