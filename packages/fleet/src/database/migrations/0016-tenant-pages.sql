-- Who may see one tenant asks for its newest rows. By time alone that reads the rows of all others between them, and of a tenant with few rows
-- nearly everything there is. Like the others of 0052 these keep the beginning of a name, by a function that is leakproof. Measured: decision 0032.
CREATE INDEX fleet_audit_tenant ON audit_log ((tenant_id::name), "timestamp", position);
CREATE INDEX fleet_sys_tenant ON sys_log ((tenant_id::name), "timestamp", position);
CREATE INDEX fleet_api_tenant ON api_log ((tenant_id::name), "timestamp", position);
