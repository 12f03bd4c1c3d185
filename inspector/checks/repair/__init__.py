"""Write a copy of a saved file in which single register values differ."""
