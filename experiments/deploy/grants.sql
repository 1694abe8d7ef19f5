-- What each party may do in the ledger: psql -v ON_ERROR_STOP=1 -d salvocast -f grants.sql
-- Before the first salvocast command, again after it (it makes the tables), and after each release that changes them.
-- It may be run at any time: it states what holds.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO salvocast_reader, salvocast_planner, salvocast_reporter;
GRANT USAGE, CREATE ON SCHEMA public TO salvocast_operator;

-- Everybody reads everything, and will of tables to come.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO salvocast_reader, salvocast_planner, salvocast_reporter;
ALTER DEFAULT PRIVILEGES FOR ROLE salvocast_operator IN SCHEMA public
    GRANT SELECT ON TABLES TO salvocast_reader, salvocast_planner, salvocast_reporter;

-- A planner issues forecasts, and cannot change what was issued. Neither can an operator, who owns all tables and may
-- otherwise do everything: the archive is only added to.
DO $$
BEGIN
    IF to_regclass('public.issued_forecast') IS NOT NULL THEN
        GRANT INSERT ON issued_forecast TO salvocast_planner;
        GRANT USAGE ON SEQUENCE issued_forecast_number_seq TO salvocast_planner;
        REVOKE UPDATE, DELETE, TRUNCATE ON issued_forecast FROM salvocast_operator;

        -- A reporter adds reports, and changes none: what is updated is what is derived from them, and what is deleted
        -- is the note of a reading that brought nothing (one that brought something is held by its reports).
        GRANT INSERT ON batch, report, sighting, quarantine, decision, coverage TO salvocast_reporter;
        GRANT USAGE ON SEQUENCE batch_id_seq, quarantine_id_seq, decision_id_seq, coverage_id_seq TO salvocast_reporter;
        GRANT UPDATE (agreed_at, agreed_source) ON report TO salvocast_reporter;
        GRANT UPDATE (rows_read, added, revised, unchanged, quarantined), DELETE ON batch TO salvocast_reporter;
    END IF;
    IF to_regclass('public.stock_count') IS NOT NULL THEN
        -- What was counted is added to by a reporter, and changed by nobody.
        GRANT INSERT ON stock_count TO salvocast_reporter;
        GRANT USAGE ON SEQUENCE stock_count_id_seq TO salvocast_reporter;
        REVOKE UPDATE, DELETE, TRUNCATE ON stock_count FROM salvocast_operator;
    END IF;
END
$$;
