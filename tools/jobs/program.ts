// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup/root.mjs'
import { runWith } from '../setup/runtime.mjs'
import { SetupFailure } from '../setup/setup-failure.mjs'

/** Runs a program of this repository with this Node.js, its terminal and its signals; answers its exit status. */
export async function runProgram(
  path: string,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): Promise<number> {
  if (!existsSync(join(root, path))) throw new SetupFailure(`there is no ${path}`, 'restore it from git')
  return await runWith(process.execPath, [...nodeOptions, join(root, path), ...args])
}
