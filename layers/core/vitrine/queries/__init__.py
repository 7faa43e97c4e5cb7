"""What is asked of Postgres: one typed function, one SQL statement.

Every query names its organization beside the policy: the policy alone gives no index order.
"""
