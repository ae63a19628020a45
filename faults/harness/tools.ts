// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process'

/** False, or why writes of another process cannot be made to fail here. */
export function whyNoStrace(): string | false {
  return runs('strace', ['-f', '-qq', '-e', 'trace=none', 'true'])
    ? false
    : 'making system calls fail needs strace, and permission to use it'
}

function runs(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    // Not installed, or forbidden: both mean that it cannot be used.
    return false
  }
}
