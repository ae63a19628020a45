// SPDX-License-Identifier: Apache-2.0
import type { CodeMetaInput } from 'fasten/core'

/** What a fleet tells of itself in its own logs: the audit of the audit. Every file that emits one of these finds its meaning here. */
export const fleetCodes = {
  FLEET_STARTED: {
    category: 'operation',
    action: 'fleet.start',
    severity: 'info',
    description: 'A server of the fleet is ready.',
  },
  FLEET_STOPPED: {
    category: 'operation',
    action: 'fleet.stop',
    severity: 'info',
    description: 'A server of the fleet ended in good order.',
  },

  CHECKPOINT_ACCEPTED: {
    category: 'integrity',
    action: 'checkpoint.accept',
    severity: 'info',
    retention_class: 'long',
    high_volume: true,
    description: 'The rows of a node up to this signed checkpoint were checked, stored and cosigned.',
  },
  INGEST_REFUSED: {
    category: 'integrity',
    action: 'ingest.refuse',
    severity: 'error',
    retention_class: 'long',
    description: 'What a node sent was not stored; it lies in evidence with the reason.',
  },
  FORK_DETECTED: {
    category: 'integrity',
    action: 'fork.detect',
    severity: 'critical',
    retention_class: 'long',
    description: 'A node has shown two different rows or checkpoints for one place of a log.',
  },
  ALARM_RAISED: {
    category: 'operation',
    action: 'alarm.raise',
    severity: 'error',
    description: 'Something needs a person.',
  },
  ALARM_CLEARED: {
    category: 'operation',
    action: 'alarm.clear',
    severity: 'info',
    description: 'What needed a person is over.',
  },
  ALARM_ACKNOWLEDGED: {
    category: 'operation',
    action: 'alarm.acknowledge',
    severity: 'info',
    description: 'A person has taken note of an alarm.',
  },

  ENROLMENT_TOKEN_CREATED: {
    category: 'access',
    action: 'enrolment_token.create',
    severity: 'warn',
    description: 'A token was made with which nodes can enrol.',
  },
  ENROLMENT_TOKEN_REVOKED: {
    category: 'access',
    action: 'enrolment_token.revoke',
    severity: 'warn',
    description: 'A token for enrolling nodes was withdrawn.',
  },
  NODE_ENROLLED: {
    category: 'access',
    action: 'node.enrol',
    severity: 'warn',
    retention_class: 'long',
    description: 'A node may send rows from now on, signed with the keys named here.',
  },
  NODE_KEY_ADDED: {
    category: 'access',
    action: 'node_key.add',
    severity: 'warn',
    retention_class: 'long',
    description: 'A node signs with a further key.',
  },
  NODE_KEY_RETIRED: {
    category: 'access',
    action: 'node_key.retire',
    severity: 'warn',
    retention_class: 'long',
    description: 'What a key of a node signs from a place on is believed no more.',
  },
  NODE_CREDENTIAL_ROTATED: {
    category: 'access',
    action: 'node_credential.rotate',
    severity: 'info',
    description: 'A node has a new credential; the one before ends.',
  },
  NODE_REVOKED: {
    category: 'access',
    action: 'node.revoke',
    severity: 'warn',
    retention_class: 'long',
    description: 'A node may send no more rows.',
  },

  LOGIN_SUCCEEDED: {
    category: 'access',
    action: 'login.succeed',
    severity: 'info',
    description: 'Somebody logged in.',
  },
  LOGIN_FAILED: {
    category: 'access',
    action: 'login.fail',
    severity: 'warn',
    description: 'Somebody tried to log in and could not.',
  },
  SESSION_ENDED: {
    category: 'access',
    action: 'session.end',
    severity: 'info',
    description: 'A session was ended by its user or by an administrator.',
  },
  PASSWORD_CHANGED: {
    category: 'access',
    action: 'password.change',
    severity: 'warn',
    description: 'The password of a local user was changed.',
  },
  USER_CREATED: {
    category: 'access',
    action: 'user.create',
    severity: 'warn',
    retention_class: 'long',
    description: 'A user was made.',
  },
  USER_CHANGED: {
    category: 'access',
    action: 'user.change',
    severity: 'warn',
    retention_class: 'long',
    description: 'A user was locked, unlocked or renamed.',
  },
  ROLE_GRANTED: {
    category: 'access',
    action: 'role.grant',
    severity: 'warn',
    retention_class: 'long',
    description: 'Somebody may do more than before.',
  },
  ROLE_REVOKED: {
    category: 'access',
    action: 'role.revoke',
    severity: 'warn',
    retention_class: 'long',
    description: 'Somebody may do less than before.',
  },
  API_KEY_CREATED: {
    category: 'access',
    action: 'api_key.create',
    severity: 'warn',
    retention_class: 'long',
    description: 'A key for programs was made.',
  },
  API_KEY_REVOKED: {
    category: 'access',
    action: 'api_key.revoke',
    severity: 'warn',
    retention_class: 'long',
    description: 'A key for programs was withdrawn.',
  },
  ACCESS_DENIED: {
    category: 'access',
    action: 'access.deny',
    severity: 'warn',
    description: 'Somebody asked for what they may not have.',
  },

  ROWS_READ: {
    category: 'reading',
    action: 'rows.read',
    severity: 'info',
    high_volume: true,
    description: 'Somebody was shown rows.',
  },
  ROWS_EXPORTED: {
    category: 'reading',
    action: 'rows.export',
    severity: 'info',
    description: 'Somebody took rows away as a file.',
  },
  METRICS_READ: {
    category: 'reading',
    action: 'metrics.read',
    severity: 'info',
    high_volume: true,
    description: 'Somebody was shown numbers that were counted from rows.',
  },
  SQL_RUN: {
    category: 'reading',
    action: 'sql.run',
    severity: 'info',
    description: 'Somebody asked the rows in SQL.',
  },

  SOURCE_ADDED: {
    category: 'configuration',
    action: 'source.add',
    severity: 'warn',
    retention_class: 'long',
    description: 'The fleet takes rows of a further service that has no shipper of ours.',
  },
  SOURCE_CHANGED: {
    category: 'configuration',
    action: 'source.change',
    severity: 'warn',
    retention_class: 'long',
    description: 'How rows of a source are taken was changed, or they are taken no more.',
  },
  CONFIG_CHANGED: {
    category: 'configuration',
    action: 'config.change',
    severity: 'warn',
    description: 'A setting of the fleet was changed.',
  },
  BACKUP_MADE: {
    category: 'operation',
    action: 'backup.make',
    severity: 'info',
    description: 'The database was written to a file.',
  },
  BACKUP_RESTORED: {
    category: 'operation',
    action: 'backup.restore',
    severity: 'warn',
    retention_class: 'long',
    description: 'The database was filled from a file and every log was verified.',
  },
} as const satisfies Readonly<Record<string, CodeMetaInput>>

export type FleetCode = keyof typeof fleetCodes
