// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'

const command = ['python3', 'python'].find(
  (name) => spawnSync(name, ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0,
)
const hasOpenssl = spawnSync('openssl', ['version']).status === 0

/** The second implementations are in Python and ask the openssl command for Ed25519, which Python does not have. */
export const withoutPython = {
  command: command ?? 'python3',
  /** Why they cannot run here, or false. */
  reason:
    (command === undefined && 'no Python 3.9 or newer is installed') ||
    (!hasOpenssl && 'no openssl command is installed, and Python has no Ed25519 of its own'),
}
