// SPDX-License-Identifier: Apache-2.0

/** Servers for which OpenTelemetry publishes instrumentation that runs with its SDK 3. */
export const otelContenders = ['node', 'express', 'fastify'] as const
export type OtelContender = (typeof otelContenders)[number]
