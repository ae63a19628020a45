// SPDX-License-Identifier: Apache-2.0
import type { CodeMetaInput } from './code-meta.ts'

/** The domain of what fasten says about itself; no application may register into it. */
export const builtinDomain = 'fasten'

/** The codes that fasten emits on its own, in every process. */
export const builtinCodes = {
  LOG_CREATED: {
    category: 'integrity',
    action: 'create',
    severity: 'info',
    retention_class: 'permanent',
    emitter: 'store',
    description:
      'A log was begun: its first row, with what wrote it and, after a rollback, the log it replaces.',
  },
  KEY_DECLARED: {
    category: 'integrity',
    action: 'key.declare',
    severity: 'info',
    retention_class: 'permanent',
    emitter: 'store',
    description:
      'A log that was begun without a key, or with another one, names the key that signs it from here on. Nobody who knew the old key vouches for it.',
    detail: { required: ['public_key'], properties: { public_key: 'string' } },
  },
  KEY_ROTATED: {
    category: 'integrity',
    action: 'key.rotate',
    severity: 'warn',
    retention_class: 'permanent',
    emitter: 'fasten key rotate',
    description:
      'The key of a log was replaced; statement is a note that names both keys, signed with each. With revoked, the old key is no longer trusted.',
    detail: {
      required: ['old_public_key', 'public_key', 'statement'],
      properties: {
        old_public_key: 'string',
        public_key: 'string',
        statement: 'string',
        revoked: 'boolean',
      },
    },
  },
  HEARTBEAT: {
    category: 'integrity',
    action: 'heartbeat',
    severity: 'debug',
    retention_class: 'medium',
    emitter: 'store',
    description:
      'Nothing was recorded for a while, and the process that writes this log was alive. Signed at once, so that silence is evidence.',
    detail: { required: ['interval_seconds'], properties: { interval_seconds: 'number' } },
  },
  RETENTION_SWEPT: {
    category: 'retention',
    action: 'retention.sweep',
    severity: 'info',
    retention_class: 'permanent',
    emitter: 'store',
    description: 'Rows of this log have expired: their content is gone, their hashes are kept.',
    detail: {
      required: ['log', 'from', 'to', 'class', 'count', 'policy_hash'],
      properties: {
        log: 'string',
        from: 'integer',
        to: 'integer',
        places: 'string',
        class: 'string',
        count: 'integer',
        policy_hash: 'string',
      },
    },
  },
  DISCLOSURES_SWEPT: {
    category: 'retention',
    action: 'retention.sweep_details',
    severity: 'info',
    retention_class: 'permanent',
    emitter: 'store',
    description:
      'Personal values in the details of rows have expired, on the clock of the class short. The rows themselves are kept.',
    detail: {
      required: ['log', 'from', 'to', 'class', 'count', 'policy_hash'],
      properties: {
        log: 'string',
        from: 'integer',
        to: 'integer',
        places: 'string',
        class: 'string',
        count: 'integer',
        policy_hash: 'string',
      },
    },
  },
  RETENTION_POLICY_CHANGED: {
    category: 'retention',
    action: 'retention.policy.change',
    severity: 'info',
    retention_class: 'permanent',
    emitter: 'store',
    description:
      'From here on this log is swept by another policy; shortened names what is kept less long than the classes promise.',
    detail: {
      required: ['old_hash', 'new_hash', 'policy'],
      properties: { old_hash: 'string', new_hash: 'string', policy: 'string', shortened: 'array' },
    },
  },
  HOLD_PLACED: {
    category: 'retention',
    action: 'retention.hold.place',
    severity: 'warn',
    retention_class: 'permanent',
    emitter: 'store',
    description:
      'Somebody ordered that certain rows be kept, whatever their class: none of them is swept or erased until HOLD_RELEASED.',
    detail: {
      required: ['by', 'hold_id', 'rows_hash'],
      properties: { by: 'array', hold_id: 'string', rows_hash: 'string' },
    },
  },
  HOLD_RELEASED: {
    category: 'retention',
    action: 'retention.hold.release',
    severity: 'warn',
    retention_class: 'permanent',
    emitter: 'store',
    description: 'A hold is over: the rows it kept are swept and erased like others again.',
    detail: { required: ['hold_id'], properties: { hold_id: 'string' } },
  },
  RETENTION_FAILED: {
    category: 'retention',
    action: 'retention.fail',
    severity: 'error',
    retention_class: 'long',
    emitter: 'sweep',
    description: 'Expired rows could not be swept; they are kept, and the next sweep tries again.',
    detail: { properties: { error_code: 'string' } },
  },
  UNREGISTERED_CODE: {
    category: 'registry',
    action: 'registry.unknown_code',
    severity: 'warn',
    retention_class: 'long',
    emitter: 'emit',
    description:
      'An event was emitted under a code that nobody registered. original_code and detail hold what was said.',
    detail: { required: ['original_code'], properties: { original_code: 'string', detail: 'object' } },
  },
  SUBJECT_ERASED: {
    category: 'privacy',
    action: 'erase',
    severity: 'warn',
    description:
      'Personal values of one person were erased: their keys are destroyed. Says which values, on what legal ground.',
    emitter: 'fasten',
    retention_class: 'permanent',
  },
  SUBJECT_ACCESSED: {
    category: 'privacy',
    action: 'access',
    severity: 'info',
    description: 'All that is kept about one person was read out, as they may ask for.',
    emitter: 'fasten',
    retention_class: 'regulated',
  },
  VALUES_DISCLOSED: {
    category: 'privacy',
    action: 'disclose',
    severity: 'info',
    retention_class: 'regulated',
    emitter: 'emit',
    description:
      'Somebody with the permission audit:disclose read rows with their personal values; row_ids are the first of them.',
    detail: {
      required: ['operation', 'rows', 'values'],
      properties: {
        operation: 'string',
        parameters: 'array',
        row_ids: 'array',
        rows: 'integer',
        values: 'integer',
      },
    },
  },
  ROW_QUARANTINED: {
    category: 'delivery',
    action: 'delivery.quarantine',
    severity: 'error',
    retention_class: 'regulated',
    emitter: 'drain',
    description: 'The store refused a row for good; its bytes wait in quarantine.',
    detail: {
      required: ['error_code'],
      properties: { error_code: 'string', rows: 'integer' },
    },
  },
  DISK_FULL: {
    category: 'delivery',
    action: 'delivery.disk_full',
    severity: 'critical',
    retention_class: 'long',
    emitter: 'spool',
    description: 'The spool had no room: from here on rows were refused and counted until RECOVERED.',
    detail: { properties: { refused_rows: 'integer', free_bytes: 'integer' } },
  },
  DEGRADED: {
    category: 'delivery',
    action: 'delivery.degrade',
    severity: 'error',
    retention_class: 'long',
    emitter: 'drain',
    description:
      'The store could not be reached for a while, or the spool is nearly full (target `spool`): rows wait, and may be refused.',
    detail: {
      properties: { error_code: 'string', held_rows: 'integer', depth: 'integer', capacity: 'integer' },
    },
  },
  RECOVERED: {
    category: 'delivery',
    action: 'delivery.recover',
    severity: 'info',
    retention_class: 'long',
    emitter: 'drain',
    description: 'Rows are stored again after DEGRADED or DISK_FULL.',
    detail: { properties: { held_rows: 'integer', refused_rows: 'integer', seconds: 'number' } },
  },
  STORE_REPLACED: {
    category: 'integrity',
    action: 'store.replaced',
    severity: 'critical',
    retention_class: 'permanent',
    emitter: 'drain',
    description:
      'The database was deleted, emptied or replaced while it was open. What lies there now is continued in new logs where rows are missing.',
    detail: { properties: { error_code: 'string' } },
  },
  CLOCK_STEP: {
    category: 'integrity',
    action: 'clock.step',
    severity: 'warn',
    retention_class: 'long',
    emitter: 'clock',
    description:
      'The wall clock of this process jumped: timestamps before and after this row are not one time line. Numbers and positions are.',
    detail: { required: ['seconds'], properties: { seconds: 'number' } },
  },
  DOCTOR_PROBE: {
    category: 'doctor',
    action: 'doctor.probe',
    severity: 'debug',
    retention_class: 'short',
    emitter: 'doctor',
    description:
      'A row written by `fasten doctor` to see whether rows arrive. It records no event of the application.',
  },
} as const satisfies Readonly<Record<string, CodeMetaInput>>

export type BuiltinCode = keyof typeof builtinCodes
