-- Two databases and who may come in. Once, by the server's administrator: psql -v ON_ERROR_STOP=1 -f databases.sql
-- People get logins of their own, in one or more of the four roles (see README.md); nobody logs in as a role.
CREATE ROLE salvocast_reader NOLOGIN;
CREATE ROLE salvocast_planner NOLOGIN;
CREATE ROLE salvocast_reporter NOLOGIN;
CREATE ROLE salvocast_operator NOLOGIN;
CREATE DATABASE salvocast OWNER salvocast_operator ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE salvocast FROM PUBLIC;
GRANT CONNECT ON DATABASE salvocast TO salvocast_reader, salvocast_planner, salvocast_reporter, salvocast_operator;

-- The MLflow server's own: runs, the registry, and its users. Nobody else comes in.
CREATE ROLE mlflow LOGIN;
CREATE DATABASE mlflow OWNER mlflow ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE mlflow FROM PUBLIC;
