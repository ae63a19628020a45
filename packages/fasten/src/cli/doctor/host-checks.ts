// SPDX-License-Identifier: Apache-2.0
import { readConfig, type Config } from '../../capture/config.ts'
import { unreadVariables } from '../../capture/unread-variables.ts'
import type { Clock } from '../../core/clock.ts'
import { FastenError } from '../../core/error.ts'
import { formatMicros, parseTime } from '../../core/timestamp.ts'
import { software } from '../../store/software.ts'
import { fullEnv, type Env } from '../places.ts'
import { duration } from '../print/values.ts'
import { fail, ok, warn, type Check } from './check.ts'

/** Oldest Node.js the library runs on. */
const nodeVersionMin = [22, 14] as const

/** Versions of what runs here. */
export function runtimeCheck(): Check {
  return {
    name: 'runtime',
    run() {
      const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
      const message = `${software.name} ${software.version}, Node.js ${process.versions.node}, ${process.platform} ${process.arch}`
      const detail = {
        version: software.version,
        node: process.versions.node,
        platform: process.platform,
        arch: process.arch,
      }
      const isOld = major < nodeVersionMin[0] || (major === nodeVersionMin[0] && minor < nodeVersionMin[1])
      return isOld
        ? fail(message, { hint: `run Node.js ${nodeVersionMin.join('.')} or newer`, detail })
        : ok(message, detail)
    },
  }
}

/**
 * The configuration as a service started here would read it, and variables that nobody reads. Values are not shown. `dsn`
 * stands for the audit rows where the command line names a store.
 */
export function envCheck(processEnv: Env, dsn: string | undefined): Check {
  return {
    name: 'env',
    run() {
      const env = fullEnv(processEnv)
      const given = Object.keys(env)
        .filter((name) => name.startsWith('FASTEN_') && env[name] !== undefined)
        .sort()
      const strange = unreadVariables(env)
      const config = configOf(dsn, processEnv)
      if (config instanceof FastenError)
        return warn(config.message, { hint: config.hint, detail: { variables: given, code: config.code } })
      const { service_id, node_id, tenant_id, assumed } = config
      const detail = {
        variables: given,
        unknown: strange.map((text) => text.replace(/ .*/, '')),
        service_id,
        node_id,
        tenant_id: tenant_id ?? null,
        assumed,
      }
      if (strange.length > 0) {
        return warn(`nobody reads ${strange.join(', ')}`, {
          hint: 'see the list of variables in docs/reference/env.md',
          detail,
        })
      }
      if (assumed.length > 0) {
        return warn(`not set, so a service started here would take ${assumed.join(', ')}`, {
          hint: 'set FASTEN_SERVICE_ID and FASTEN_NODE_ID, so that logs keep their names when a host is renamed',
          detail,
        })
      }
      const tenant = tenant_id === undefined ? '' : `, tenant ${tenant_id}`
      return ok(
        `service ${service_id}, node ${node_id}${tenant}; ${given.length} variables understood`,
        detail,
      )
    },
  }
}

/** A place that this user cannot write may be another user's to write, so that alone is no failure. */
function configOf(dsn: string | undefined, env: Env): Config | FastenError {
  try {
    return readConfig(dsn === undefined ? {} : { audit_dsn: dsn }, env)
  } catch (error) {
    if (error instanceof FastenError && error.code === 'PLACE_UNWRITABLE') return error
    throw error
  }
}

/** Further than this a row from the future is no jitter. */
const futureMicrosMax = 5e6
const firstSaneMicros = parseTime('2025-01-01', 0) ?? 0

/** The wall clock against the newest row, the file system's clock and the monotonic clock. */
export function clockCheck(
  clock: Clock,
  newestRow: () => string | null,
  fileTimeMs: () => number | null,
): Check {
  const startMicros = clock.nowMicros()
  const startNanos = clock.monotonicNanos()
  return {
    name: 'clock',
    run() {
      const nowMicros = clock.nowMicros()
      const now = formatMicros(nowMicros)
      const newest = newestRow()
      const newestMicros = newest === null ? undefined : parseTime(newest, nowMicros)
      const fileMs = fileTimeMs()
      const elapsedMicros = Number((clock.monotonicNanos() - startNanos) / 1000n)
      const stepMicros = nowMicros - startMicros - elapsedMicros
      const fileSkewMicros = fileMs === null ? 0 : fileMs * 1000 - startMicros - elapsedMicros
      const detail = {
        now,
        newest_row: newest,
        step_us: stepMicros,
        file_system_skew_us: Math.round(fileSkewMicros),
      }
      const hint =
        'set the clock and keep it right with NTP; order and proof do not depend on it, times in rows do'
      if (nowMicros < firstSaneMicros) return fail(`it is ${now}, says this machine`, { hint, detail })
      if (newestMicros !== undefined && newestMicros - nowMicros > futureMicrosMax) {
        return warn(`the newest row is ${duration(newestMicros - nowMicros)} in the future (${newest})`, {
          hint,
          detail,
        })
      }
      if (Math.abs(stepMicros) > 50_000)
        return warn(`the clock was set by ${duration(Math.abs(stepMicros))} during these checks`, {
          hint,
          detail,
        })
      if (Math.abs(fileSkewMicros) > futureMicrosMax) {
        return warn(`the file system is ${duration(Math.abs(fileSkewMicros))} off this machine's clock`, {
          hint,
          detail,
        })
      }
      return ok(
        `${now.slice(0, 19)}Z${newestMicros === undefined ? '' : ', no row is from the future'}`,
        detail,
      )
    },
  }
}
