-- Once, when the volume is new (the postgres image runs what lies in /docker-entrypoint-initdb.d).
-- Each program owns its databases and sees no others.
\set temporal_password `cat /run/secrets/temporal_db_password`
\set switchboard_password `cat /run/secrets/switchboard_db_password`

CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT ON DATABASE temporal, temporal_visibility FROM PUBLIC;

CREATE ROLE switchboard LOGIN PASSWORD :'switchboard_password';
CREATE DATABASE switchboard OWNER switchboard;
REVOKE CONNECT ON DATABASE switchboard FROM PUBLIC;
