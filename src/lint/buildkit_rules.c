#include "lint/buildkit.h"

#define RULE(ours, theirs, what) .name = ours, .buildkit = theirs, .since = "2026.1", .topic = what

/* In the order of enum bk_rule; the first has the check that speaks for all. MaintainerDeprecated is hadolint's DL4000 (lint/instruction.c). */
const struct lint_rule rules_buildkit[] = {
	[BK_STAGE_NAME_CASING] = { .check = buildkit_check, .meta = {
		RULE("stage-name-case", "StageNameCasing", "style"), .level = LEVEL_WARNING,
		.summary = "the name of a stage has capital letters",
		.why = "BuildKit keeps names of stages in lower case: `COPY --from=Build` finds the stage `build`, but `FROM Build` doesn't and asks a registry for an image of that name. "
		       "Written in lower case a name is the same everywhere.",
		.bad = "FROM debian:12 AS Build\nRUN true\nFROM scratch\nCOPY --from=Build /etc/passwd /etc/passwd\n",
		.good = "FROM debian:12 AS build\nRUN true\nFROM scratch\nCOPY --from=build /etc/passwd /etc/passwd\n" } },
	[BK_FROM_AS_CASING] = { .meta = {
		RULE("from-as-case", "FromAsCasing", "style"), .level = LEVEL_WARNING,
		.summary = "FROM and AS are not in the same case",
		.why = "`FROM image as name` works. It only reads worse: keywords in capital letters stand out from the names between them.",
		.bad = "FROM debian:12 as build\n", .good = "FROM debian:12 AS build\n" } },
	[BK_NO_EMPTY_CONTINUATION] = { .meta = {
		RULE("empty-continuation", "NoEmptyContinuation", "correctness"), .level = LEVEL_WARNING,
		.summary = "an empty line stands inside a continued instruction",
		.why = "A line that ends with the escape character goes on in the next one, and over empty ones, for now: BuildKit has announced that an empty line will end the instruction. The "
		       "same thing happens by accident behind the last command of a RUN: a backslash too many, an empty line, and the next instruction becomes part of the script. Comments "
		       "between the lines are fine.",
		.bad = "FROM debian:12\nRUN echo one && \\\n\n    echo two\n", .good = "FROM debian:12\nRUN echo one && \\\n    echo two\n" } },
	[BK_INSTRUCTION_CASING] = { .meta = {
		RULE("instruction-case", "ConsistentInstructionCasing", "style"), .level = LEVEL_WARNING,
		.summary = "instructions are written partly in capital letters, partly in small ones",
		.why = "Instructions may be written in any case. A file that uses one case throughout is easier to read, and to search.",
		.bad = "FROM debian:12\nrun true\nCMD [\"true\"]\n", .good = "FROM debian:12\nRUN true\nCMD [\"true\"]\n" } },
	[BK_DUPLICATE_STAGE_NAME] = { .meta = {
		RULE("stage-name-reused", "DuplicateStageName", "correctness"), .level = LEVEL_WARNING, .yields_to = "stage-name-twice",
		.summary = "two stages have the same name",
		.why = "The later stage takes the name over: `COPY --from` and `--target` reach only the last of them, and not the one that stood above when the line was written.",
		.bad = "FROM debian:12 AS build\nRUN true\nFROM golang:1.22 AS build\nRUN true\n", .good = "FROM debian:12 AS fetch\nRUN true\nFROM golang:1.22 AS build\nRUN true\n" } },
	[BK_RESERVED_STAGE_NAME] = { .meta = {
		RULE("stage-name-reserved", "ReservedStageName", "correctness"), .hadolint = "DL3063", .level = LEVEL_WARNING,
		.summary = "a stage is called scratch or context",
		.why = "`scratch` is the empty image and `context` the build context. A stage of that name cannot be told from them where it is used.",
		.bad = "FROM debian:12 AS scratch\n", .good = "FROM debian:12 AS base\n" } },
	[BK_JSON_ARGS] = { .meta = {
		RULE("shell-form-command", "JSONArgsRecommended", "correctness"), .level = LEVEL_WARNING, .yields_to = "shell-form",
		.summary = "CMD or ENTRYPOINT is in shell form",
		.why = "In shell form the program is started by `/bin/sh -c`, which is process 1 and passes no signals on: `docker stop` waits ten seconds and kills the container, and what the program "
		       "had to finish is lost. The JSON form starts the program itself. Where a shell is wanted, SHELL says so, and this rule is silent.",
		.bad = "FROM debian:12\nCMD sleep infinity\n", .good = "FROM debian:12\nCMD [\"sleep\", \"infinity\"]\n" } },
	[BK_UNDEFINED_ARG_IN_FROM] = { .meta = {
		RULE("from-arg-undeclared", "UndefinedArgInFrom", "correctness"), .level = LEVEL_WARNING,
		.summary = "FROM uses an argument that no ARG in front of the first FROM declares",
		.why = "Only arguments declared before the first FROM, and the platform's, have a value in FROM. Everything else is empty there, also what a stage above declares: `alpine:${TAG}` becomes "
		       "`alpine:`, which is no image, or silently another one.",
		.bad = "ARG VERSION=12\nFROM debian:${VERSOIN}\n", .good = "ARG VERSION=12\nFROM debian:${VERSION}\n" } },
	[BK_WORKDIR_RELATIVE] = { .meta = {
		RULE("workdir-relative-to-base", "WorkdirRelativePath", "correctness"), .level = LEVEL_WARNING, .yields_to = "workdir-relative",
		.summary = "the first WORKDIR of a stage is relative",
		.why = "It is relative to the working directory that the base image happens to have. When a newer version of that image has another one, everything moves, and only the paths that are "
		       "written out in full are still right. Behind an absolute WORKDIR relative ones are fine.",
		.bad = "FROM nginx:1.27\nWORKDIR usr/share/nginx\nRUN true\n", .good = "FROM nginx:1.27\nWORKDIR /usr/share/nginx\nRUN true\n" } },
	[BK_UNDEFINED_VAR] = { .meta = {
		RULE("undefined-variable", "UndefinedVar", "correctness"), .level = LEVEL_WARNING,
		.summary = "a variable is used that nothing sets",
		.why = "An unset variable is empty: `COPY $SRC /app` with a slip in the name copies something else, `ENV PATH=$PTAH:/x` leaves no program to be found. Variables come from ENV, from ARG in the "
		       "same stage or in its base stages, and from the base image; ARG before the first FROM must be declared again in the stage. What only the base image could set is not reported, "
		       "unless it looks like a slip; RUN expands its variables in the shell and is not looked at.",
		.bad = "FROM debian:12\nARG APP_DIR=/srv/app\nCOPY app $APP_DRI\n", .good = "FROM debian:12\nARG APP_DIR=/srv/app\nCOPY app $APP_DIR\n" } },
	[BK_MULTIPLE_INSTRUCTIONS] = { .meta = {
		RULE("instruction-overridden", "MultipleInstructionsDisallowed", "correctness"), .level = LEVEL_WARNING, .yields_to = "cmd-twice entrypoint-twice healthcheck-twice",
		.summary = "a stage has several CMD, ENTRYPOINT or HEALTHCHECK",
		.why = "Only the last one of a stage has an effect. The others look as if they did.",
		.bad = "FROM debian:12\nCMD [\"one\"]\nCMD [\"two\"]\n", .good = "FROM debian:12\nCMD [\"two\"]\n" } },
	[BK_LEGACY_KEY_VALUE] = { .meta = {
		RULE("key-value-by-blank", "LegacyKeyValueFormat", "style"), .level = LEVEL_WARNING,
		.summary = "ENV or LABEL has a blank between name and value",
		.why = "`ENV NAME VALUE` is the oldest form. It takes one variable an instruction, and everything behind the name is the value: `ENV A 1 B=2` sets A to `1 B=2`. With `=` several fit in one "
		       "instruction and the end of each is plain.",
		.bad = "FROM debian:12\nENV APP_HOME /srv/app\n", .good = "FROM debian:12\nENV APP_HOME=/srv/app\n" } },
	[BK_BASE_IMAGE_PLATFORM] = { .meta = {
		RULE("base-image-platform", "InvalidBaseImagePlatform", "base-image"), .level = LEVEL_WARNING,
		.summary = "the base image is made for another platform than the build",
		.why = "Programs of another architecture don't start, or run in emulation, many times slower. It needs the base image at hand to be seen.",
		.bad = "", .good = "FROM debian:12\n" } },
	[BK_REDUNDANT_TARGET_PLATFORM] = { .meta = {
		RULE("from-platform-redundant", "RedundantTargetPlatform", "style"), .level = LEVEL_WARNING, .yields_to = "redundant-platform",
		.summary = "FROM --platform=$TARGETPLATFORM says what holds anyway",
		.why = "Stages are built for the target platform unless the flag says otherwise. Without it the file says the same.",
		.bad = "FROM --platform=$TARGETPLATFORM debian:12\n", .good = "FROM debian:12\n" } },
	[BK_SECRETS] = { .meta = {
		RULE("secret-in-arg-or-env", "SecretsUsedInArgOrEnv", "security"), .level = LEVEL_WARNING, .yields_to = "secret-variable",
		.summary = "ARG or ENV has the name of a secret",
		.why = "What ENV sets is in the image's configuration, what ARG gets is in its history and in provenance: whoever has the image has the secret. `RUN --mount=type=secret` gives it to one command, and "
		       "leaves nothing behind; at run time it belongs into the environment of the container, not of the image.",
		.bad = "FROM debian:12\nARG NPM_TOKEN\nRUN npm ci\n", .good = "FROM debian:12\nRUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci\n" } },
	[BK_INVALID_DEFAULT_ARG] = { .meta = {
		RULE("from-default-invalid", "InvalidDefaultArgInFrom", "correctness"), .level = LEVEL_WARNING,
		.summary = "without build arguments FROM names no image",
		.why = "A file whose arguments have working defaults builds with a plain `docker build .`: for whoever sees it for the first time, for tools that know nothing of its arguments, for tests.",
		.bad = "ARG TAG\nFROM debian:${TAG}\n", .good = "ARG TAG=12\nFROM debian:${TAG}\n" } },
	[BK_PLATFORM_CONST] = { .meta = {
		RULE("from-platform-constant", "FromPlatformFlagConstDisallowed", "base-image"), .level = LEVEL_WARNING, .yields_to = "from-platform",
		.summary = "FROM --platform has a constant value",
		.why = "The stage is built for that platform whatever was asked for, so the file makes images for no other. `$BUILDPLATFORM` is what cross compilation wants; a stage that is meant for one platform "
		       "says so in its name (`AS build-arm64`), and the rule is silent.",
		.bad = "FROM --platform=linux/amd64 debian:12 AS base\n", .good = "FROM --platform=$BUILDPLATFORM debian:12 AS base\n" } },
	[BK_COPY_IGNORED] = { .meta = {
		RULE("copy-ignored-file", "CopyIgnoredFile", "correctness"), .level = LEVEL_WARNING,
		.summary = "COPY or ADD takes a file that .dockerignore keeps out",
		.why = "What .dockerignore matches is not sent to the builder: the instruction fails with \"not found\", although the file is there.",
		.bad = "", .good = "FROM debian:12\nCOPY app /srv/app\n" } },
	[BK_DEFINITION_DESCRIPTION] = { .meta = {
		RULE("description-comment", "InvalidDefinitionDescription", "metadata"), .level = LEVEL_IGNORE,
		.summary = "the comment above a stage or an argument is not its description",
		.why = "Off unless asked for. `docker build --call=outline` and `--call=targets` show the comment right above ARG and `FROM … AS` when it begins with the name: `# version of the compiler`. A "
		       "comment that is something else is kept apart by an empty line.",
		.bad = "FROM debian:12 AS base\n# which one we want\nARG VERSION=1\n", .good = "FROM debian:12 AS base\n# VERSION is the one we want\nARG VERSION=1\n" } },
	[BK_EXPOSE_CASING] = { .meta = {
		RULE("expose-protocol-case", "ExposeProtoCasing", "style"), .level = LEVEL_WARNING,
		.summary = "EXPOSE has a protocol in capital letters",
		.why = "Protocols are written in lower case everywhere else: in the image's configuration, in `docker run -p`, in Compose files.",
		.bad = "FROM debian:12\nEXPOSE 80/TCP\n", .good = "FROM debian:12\nEXPOSE 80/tcp\n" } },
	[BK_EXPOSE_FORMAT] = { .meta = {
		RULE("expose-host-binding", "ExposeInvalidFormat", "correctness"), .level = LEVEL_WARNING,
		.summary = "EXPOSE names an address or a port of the host",
		.why = "EXPOSE documents ports of the container. Which address and port of the host lead there is decided by `docker run -p`; here it is ignored, and will be an error.",
		.bad = "FROM debian:12\nEXPOSE 127.0.0.1:80:8080\n", .good = "FROM debian:12\nEXPOSE 8080\n" } },
	[BK_RULES] = { .meta = { 0 } },
};
