// SPDX-License-Identifier: Apache-2.0
import type { Writable } from 'node:stream'
import { createSystemClock } from '../store/platform.ts'
import { software } from '../store/software.ts'
import type { World } from './command.ts'
import { openOutput } from './output.ts'
import { colourChoice, runProgram } from './program.ts'
import type { ShowScreen } from './screen.ts'

/** What a command line of a real process has. */
export interface Here {
  readonly stdout: Writable
  readonly stderr: Writable
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Aborted by whoever hears signals; aborted here, with `closed`, when whoever reads the output has gone. */
  readonly controller: AbortController
  /** Given by the terminal program, which `tui` is then. */
  readonly showScreen?: ShowScreen
}

/** Runs one command line of `fasten` with these streams and answers its exit code. What was written may still be on its way. Never throws. */
export async function runHere(words: readonly string[], here: Here): Promise<number> {
  const { stdout, stderr, env, cwd, controller } = here
  const colour = colourChoice(words)
  const world: World = {
    out: openOutput(stdout, colour, env, () => controller.abort('closed')),
    err: openOutput(stderr, colour, env, () => {}),
    clock: createSystemClock(),
    env,
    cwd,
    signal: controller.signal,
    showScreen: here.showScreen,
    openReader: async (target, discloses) =>
      (await import('./open-reader.ts')).openReader(
        target,
        env,
        (text) => void world.err.line(text),
        discloses,
      ),
  }
  return runProgram(words, world, software.version)
}
