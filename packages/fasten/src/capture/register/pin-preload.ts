// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url'
import { processEnv, setProcessVariable } from '../config.ts'

/**
 * Makes what children inherit name this copy of us by its place. Node.js looks a bare `fasten/register` up from the working directory of each process, and one that is
 * started in another folder, by a program that may know nothing of us, would not start at all. `url` is that of the module that was preloaded.
 */
export function pinPreload(url: string): void {
  const place = (flag: string): string => (flag === '--import' ? url : fileURLToPath(url))
  for (const [index, word] of process.execArgv.entries()) {
    const before = process.execArgv[index - 1] ?? ''
    if (word === bare && preloads.includes(before)) process.execArgv[index] = place(before)
    const flag = preloads.find((one) => word === `${one}=${bare}`)
    if (flag !== undefined) process.execArgv[index] = `${flag}=${place(flag)}`
  }
  const options = processEnv()['NODE_OPTIONS'] ?? ''
  const pinned = options.replaceAll(
    /(?<=^|\s)(--import|--require|-r)(=|\s+)(?:fasten\/register|"fasten\/register")(?=\s|$)/g,
    (_all, flag: string, between: string) =>
      // As Node.js reads it: in double quotes, with a backslash before what they would end.
      `${flag}${between}"${place(flag).replaceAll(/["\\]/g, String.raw`\$&`)}"`,
  )
  if (pinned !== options) setProcessVariable('NODE_OPTIONS', pinned)
}

const bare = 'fasten/register'
const preloads: readonly string[] = ['--import', '--require', '-r']
